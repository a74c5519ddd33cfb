"""A small app that asks Bursar what a team may do, with nothing but Python itself:

    BURSAR_URL=http://127.0.0.1:8000 BURSAR_API_KEY=… python3 examples/python/app.py
"""

import json
import os
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote
from urllib.request import Request, urlopen

BURSAR_URL = os.environ.get("BURSAR_URL", "http://127.0.0.1:8000")
BURSAR_API_KEY = os.environ["BURSAR_API_KEY"]

projects = Counter()  # by team


def entitlements(team):
    """One indexed read, made to be asked on every request. A team that Bursar has
    not heard of yet has the default plan."""
    url = f"{BURSAR_URL}/v1/tenants/{quote(team, safe='')}/entitlements?default=true"
    request = Request(url, headers={"Authorization": f"Bearer {BURSAR_API_KEY}"})
    with urlopen(request, timeout=5) as answer:
        return json.load(answer)


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        team = unquote(self.path.strip("/"))
        if e := self.ask(team):
            may = e["features"]["projects"]
            self.answer(200, f"{team} is on {e['plan']} ({e['status']}) and may have {may} projects.")

    def do_POST(self):
        team, _, what = self.path.strip("/").partition("/")
        team = unquote(team)
        if what != "projects":
            return self.answer(404, "Not found.")
        if e := self.ask(team):
            if projects[team] >= e["features"]["projects"]:
                return self.answer(402, "Your plan has no room for another project.")
            projects[team] += 1
            self.answer(201, "Added.")

    def ask(self, team):
        try:
            return entitlements(team)
        except OSError as error:  # Bursar refuses, or is away
            self.log_error("%s", error)
            self.answer(502, "Billing cannot be reached right now.")

    def answer(self, status, text):
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), App)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
