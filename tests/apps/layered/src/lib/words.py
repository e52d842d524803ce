WELCOME = "found beside\n"
