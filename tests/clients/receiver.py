"""A receiver of events as anybody writes one: http.server and joserfc, by docs/events.md. It shares no line with the server.

    receiver.py SETTINGS    a JSON document: issuer, address (the issuer's host is reached there), ca (PEM), client_id,
                            client_secret, stream (the description by which it finds its stream), method (push or poll),
                            port (of the endpoint that is pushed to), journal (a file)

It has one stream, which it makes or changes so that it delivers as `method` says, and prints `ready`. What comes it verifies by
/.well-known/ssf-configuration alone. It writes each token that comes, and what it answers, to the journal before it answers.

Each line of its input is a fault, for one token: `500`, `400 ERR` (poll: in setErrs), `late SECONDS`, `drop`. It ends with its input.
"""

import base64
import collections
import http.client
import http.server
import json
import os
import socket
import ssl
import sys
import threading
import time
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
FOR_GOOD = {"invalid_request", "invalid_issuer", "invalid_audience"}


class Refused(Exception):
    """A token that must not be believed: `err` of RFC 8935, and why."""


class Transmitter:
    """The server, of which nothing is known but its issuer."""

    def __init__(self, settings):
        self.settings, self.issuer = settings, settings["issuer"]
        self.tls = ssl.create_default_context(cafile=settings["ca"])
        self.token, self.keys, self.lock = None, None, threading.Lock()
        self.metadata = self.well_known("ssf-configuration")

    def connection(self, url):
        """The host of the issuer is reached at `address`, as curl does with --connect-to."""
        parts = urlsplit(url)
        assert parts.scheme == "https" and parts.netloc == urlsplit(self.issuer).netloc, url
        host, port = self.settings["address"].rsplit(":", 1)
        connection = http.client.HTTPSConnection(parts.hostname, context=self.tls)
        raw = socket.create_connection((host, int(port)), timeout=60)
        connection.sock = self.tls.wrap_socket(raw, server_hostname=parts.hostname)
        return connection, parts.path + (f"?{parts.query}" if parts.query else "")

    def ask(self, method, url, body=None, headers=None):
        connection, path = self.connection(url)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def well_known(self, name):
        status, body = self.ask("GET", f"{self.issuer}/.well-known/{name}")
        document = json.loads(body)
        assert status == 200 and document["issuer"] == self.issuer, (status, document)
        return document

    def own_token(self):
        """RFC 6749 4.4."""
        names = [quote_plus(self.settings[name]) for name in ("client_id", "client_secret")]
        basic = base64.b64encode(":".join(names).encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        form = urlencode({"grant_type": "client_credentials", "scope": "ssf.read ssf.manage"})
        endpoint = self.well_known("oauth-authorization-server")["token_endpoint"]
        status, body = self.ask("POST", endpoint, form, headers)
        assert status == 200, body
        return json.loads(body)["access_token"]

    def headers(self):
        self.token = self.token or self.own_token()
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def call(self, method, url, body=None, expected=(200,)):
        """A call with the own token; one that has expired is replaced."""
        text = None if body is None else json.dumps(body)
        status, answer = self.ask(method, url, text, self.headers())
        if status == 401:
            self.token = None
            status, answer = self.ask(method, url, text, self.headers())
        assert status in expected, (method, url, status, answer)
        return json.loads(answer) if answer else None

    def key(self, kid):
        """The key of a token; keys rotate, so one that is not known is looked for once more."""
        with self.lock:
            for fresh in (False, True):
                if self.keys is None or fresh:
                    self.metadata = self.well_known("ssf-configuration")
                    status, body = self.ask("GET", self.metadata["jwks_uri"])
                    assert status == 200, body
                    self.keys = KeySet.import_key_set(json.loads(body))
                for key in self.keys.keys:
                    if key.kid == kid:
                        return key
        raise Refused("invalid_key", f"no key {kid}")

    def verified(self, token):
        """The claims of a token, if everything in it holds."""
        try:
            header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
            if header.get("typ") != "secevent+jwt" or header.get("alg") != "RS256":
                raise Refused("invalid_request", f"the header is {header}")
            found = jws.deserialize_compact(token, self.key(header.get("kid")), algorithms=["RS256"])
        except JoseError as error:
            raise Refused("invalid_key", str(error)) from error
        except ValueError as error:
            raise Refused("invalid_request", str(error)) from error
        claims = json.loads(found.payload)
        if claims.get("iss") != self.issuer:
            raise Refused("invalid_issuer", "iss")
        if claims.get("aud") != self.settings["client_id"]:
            raise Refused("invalid_audience", "aud")
        if len(claims.get("events", {})) != 1 or "sub" in claims or "exp" in claims or not claims.get("jti"):
            raise Refused("invalid_request", "not a token of an event")
        return claims


class Receiver:
    def __init__(self, settings):
        self.settings = settings
        self.faults, self.lock = collections.deque(), threading.RLock()
        self.known, self.highest = set(), {}
        if os.path.exists(settings["journal"]):
            with open(settings["journal"], encoding="utf-8") as lines:
                for line in map(json.loads, lines):
                    if line.get("stored") == "new":
                        self.remember(line["claims"])
        self.journal = open(settings["journal"], "a", encoding="utf-8")
        self.transmitter = Transmitter(settings)
        self.endpoint = f"http://127.0.0.1:{settings['port']}/events"
        self.secret = f"Bearer the secret of {settings['stream']}"

    def write(self, **line):
        with self.lock:
            self.journal.write(json.dumps({"port": self.settings["port"], **line}) + "\n")
            self.journal.flush()
            os.fsync(self.journal.fileno())

    def remember(self, claims):
        """The rule of `seq`: whether it is `new`, a `repeat`, or `late`, older than what was applied."""
        (payload,), jti = claims["events"].values(), claims["jti"]
        if jti in self.known:
            return "repeat"
        self.known.add(jti)
        if "seq" in payload:
            grant = claims["sub_id"]["session"]["id"]
            if payload["seq"] <= self.highest.get(grant, 0):
                return "late"
            self.highest[grant] = payload["seq"]
        return "new"

    def take(self, token):
        """Verifies a token and does with it as the next fault says: what is answered."""
        with self.lock:
            try:
                claims = self.transmitter.verified(token)
            except Refused as refused:
                self.write(broken=refused.args, token=token)
                return f"400 {refused.args[0]}"
            is_about_stream = next(iter(claims["events"])).startswith(SSF)
            usual = is_about_stream or claims["jti"] in self.known
            fault = self.faults.popleft() if self.faults and not usual else "202"
            if fault == "500":
                stored = "no"
            elif fault.startswith("400"):
                final = fault[4:] in FOR_GOOD or self.settings["method"] == "poll"
                stored = "refused" if final else "no"
            else:
                stored = self.remember(claims)
            self.write(answer=fault, stored=stored, claims=claims)
            return fault

    # ---- the stream ----

    def stream(self):
        """Has the stream deliver as it should, and enables it."""
        at, method = self.transmitter.metadata, self.settings["method"]
        assert {PUSH, POLL} <= set(at["delivery_methods_supported"]), at
        delivery = {"method": POLL}
        if method == "push":
            delivery = {"method": PUSH, "endpoint_url": self.endpoint, "authorization_header": self.secret}
        streams = self.transmitter.call("GET", at["configuration_endpoint"])
        mine = [s for s in streams if s.get("description") == self.settings["stream"]]
        if not mine:
            body = {"delivery": delivery, "description": self.settings["stream"]}
            return self.transmitter.call("POST", at["configuration_endpoint"], body, (201,))
        (stream,) = mine
        moved = stream["delivery"]["method"] != delivery["method"]
        if moved or (method == "push" and stream["delivery"]["endpoint_url"] != self.endpoint):
            body = {"stream_id": stream["stream_id"], "delivery": delivery}
            stream = self.transmitter.call("PATCH", at["configuration_endpoint"], body)
            self.write(moved=True)
        status = f"{at['status_endpoint']}?{urlencode({'stream_id': stream['stream_id']})}"
        if self.transmitter.call("GET", status)["status"] != "enabled":
            body = {"stream_id": stream["stream_id"], "status": "enabled"}
            self.transmitter.call("POST", at["status_endpoint"], body)
        return stream

    # ---- push ----

    def serve(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                token = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.headers["Authorization"] != receiver.secret:
                    return self.answer(401)
                if self.headers["Content-Type"] != "application/secevent+jwt":
                    return self.answer(400, {"err": "invalid_request", "description": "Content-Type"})
                fault = receiver.take(token)
                if fault == "drop":
                    self.close_connection = True
                    return None
                if fault.startswith("late"):
                    time.sleep(float(fault[5:]))
                elif fault.startswith("400"):
                    return self.answer(400, {"err": fault[4:], "description": "refused"})
                return self.answer(500 if fault == "500" else 202)

            def answer(self, status, body=None):
                text = b"" if body is None else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    if text:
                        self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    self.close_connection = True  # it waits no longer

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.settings["port"]), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    # ---- poll ----

    def poll(self, url):
        ack, refused, held = [], {}, []
        while True:
            body = {"maxEvents": 20, "ack": ack, "setErrs": refused, "returnImmediately": bool(held)}
            sets = self.transmitter.call("POST", url, body)["sets"]
            ack, refused = [], {}
            held = [(rest - 1, jti) for rest, jti in held]
            late = {jti for _, jti in held}
            ack += [jti for rest, jti in held if rest <= 0]
            held = [(rest, jti) for rest, jti in held if rest > 0]
            drop = False
            for jti, token in sets.items():
                fault = self.take(token)
                if fault.startswith("400"):
                    refused[jti] = {"err": fault[4:], "description": "refused"}
                elif fault.startswith("late"):
                    held.append((3, jti))  # it is acknowledged by the third poll from now
                elif fault != "500" and jti not in late:
                    ack.append(jti)
                drop = drop or fault == "drop"
            if drop:
                # The poll that acknowledges gets no answer: neither side knows what the other one has.
                connection, path = self.transmitter.connection(url)
                lost = json.dumps({"ack": ack, "setErrs": refused})
                connection.request("POST", path, lost, self.transmitter.headers())
                time.sleep(0.2)
                connection.close()

    def poll_always(self, url):
        while True:
            try:
                self.poll(url)
            except (OSError, http.client.HTTPException):
                time.sleep(0.2)  # it is not there


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        receiver = Receiver(json.load(file))
    is_poll = receiver.settings["method"] == "poll"
    if not is_poll:
        receiver.serve()  # before the stream: its endpoint is verified at once
    stream = receiver.stream()
    if is_poll:
        url = stream["delivery"]["endpoint_url"]
        threading.Thread(target=receiver.poll_always, args=(url,), daemon=True).start()
    print("ready", flush=True)
    for fault in sys.stdin:
        receiver.faults.append(fault.strip())


main()
