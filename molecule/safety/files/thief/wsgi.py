"""Shows what the package `thief` has found out while it was installed."""

import json

import thief


def app(_environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(thief.FOUND).encode()]
