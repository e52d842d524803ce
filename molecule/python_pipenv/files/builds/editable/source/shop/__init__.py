GREETING = "from the build"
