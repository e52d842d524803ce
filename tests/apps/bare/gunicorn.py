raise RuntimeError("this is not the gunicorn that serves")
