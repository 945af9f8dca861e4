#!/usr/bin/env python3
"""A small internal API, to connect in the tutorial "Your own API". It keeps two invented persons in memory and needs Python 3 alone.

GET  /v1/people?limit=&cursor=&updated_since=   a page of records
GET  /v1/people/{id}                            one record; 410 after it was deleted
PATCH, DELETE /v1/people/{id}                   changes it, deletes it
"""

import json
import sys
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "benefits-token-of-the-tutorial"
PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8700


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def person(id, first, last, email, lang):
    return {
        "id": id,
        "name": {"first": first, "last": last},
        "contact-email": email,
        "dateOfBirth": "1980-12-24",
        "lang": lang,
        "updatedAt": now(),
    }


PEOPLE = {
    "B-1042": person("B-1042", "Mara", "Quill", "mara.quill@example.org", "spanish"),
    "B-1043": person("B-1043", "Tove", "Ostrander", "tove@example.org", "english"),
}
GONE = set()


class Api(BaseHTTPRequestHandler):
    def answer(self, status, body=None):
        text = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def record(self):
        """The ID in the path, if the caller may ask."""
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            self.answer(401, {"error": "token"})
            return None
        return unquote(urlsplit(self.path).path).removeprefix("/v1/people").strip("/")

    def do_GET(self):
        id = self.record()
        if id is None:
            return
        if id in GONE:
            return self.answer(410, {"error": "deleted"})
        if id:
            return self.answer(200, PEOPLE[id]) if id in PEOPLE else self.answer(404, {"error": "no such person"})
        query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        since = query.get("updated_since", "")
        found = sorted((one for one in PEOPLE.values() if one["updatedAt"] >= since), key=lambda one: one["id"])
        start, size = int(query.get("cursor", 0)), int(query.get("limit", 50))
        after = start + size if start + size < len(found) else None
        self.answer(
            200,
            {
                "data": found[start : start + size],
                "meta": {"next_cursor": None if after is None else str(after), "total": len(found)},
            },
        )

    def do_PATCH(self):
        id = self.record()
        if id is None:
            return
        if id not in PEOPLE:
            return self.answer(404, {"error": "no such person"})
        PEOPLE[id].update(json.loads(self.rfile.read(int(self.headers["content-length"]))), updatedAt=now())
        self.answer(200, PEOPLE[id])

    def do_DELETE(self):
        id = self.record()
        if id is None:
            return
        PEOPLE.pop(id, None)
        GONE.add(id)
        self.answer(204)

    def log_message(self, format, *arguments):
        print(self.command, self.path, flush=True)


if __name__ == "__main__":
    print(f"http://127.0.0.1:{PORT}, token {TOKEN}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", PORT), Api).serve_forever()
