import falcon


class Things:
    def on_get(self, _request, response):
        response.media = {"things": []}


api = falcon.App()
api.add_route("/things", Things())
