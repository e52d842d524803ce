"""Asks a server that answers when there is something to say, as bots do, and says so in its log."""

import os
import socket

# It stands for the one that a bot asks, and never has anything to say.
server = socket.create_server(("127.0.0.1", 0))
with socket.create_connection(server.getsockname()) as link:
    print(f"polls for {os.environ.get('VERSION')}")
    link.recv(1)
