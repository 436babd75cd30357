"""A photo and a sentence become a picture, through the HTTP API: python examples/api_client.py PHOTO OUT "a prompt"."""

import json
import os
import sys
from pathlib import Path
from urllib.request import Request, urlopen

photo, out, prompt = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]


def call(method: str, path: str, body: object = None, data: bytes | None = None) -> bytes:
    kind = {"Content-Type": "application/json" if data is None else "application/octet-stream"}
    headers = {"Authorization": f"Bearer {os.environ['BOLID_KEY']}", **kind}
    data = json.dumps(body).encode() if body is not None else data
    with urlopen(Request(os.environ["BOLID_API"] + path, data, headers, method=method)) as answer:
        return bytes(answer.read())


terms = json.loads(call("GET", "/v1/options"))["terms"]  # show terms["text"] to the person first
call("PUT", "/v1/end-users/me", {"consent_version": terms["version"]})
call("POST", "/v1/end-users/me/references", data=photo.read_bytes())
job = json.loads(call("POST", "/v1/jobs", {"end_user": "me", "prompt": prompt}))
events = call("GET", f"/v1/jobs/{job['id']}/events").decode().splitlines()  # the stream ends with the job
ended = json.loads([line for line in events if line.startswith("data:")][-1][5:])
if ended["status"] != "succeeded":
    raise SystemExit(f"no picture: {ended}")
out.write_bytes(call("GET", ended["pictures"][0]["url"]))
