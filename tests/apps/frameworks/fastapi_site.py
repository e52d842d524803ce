from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/")
async def index():
    return "fastapi"


@app.get("/visitor")
async def visitor(request: Request):
    return [request.url.scheme, request.client.host]


@app.get("/boom")
async def boom():
    raise RuntimeError("the reason of the 500")
