# SPDX-License-Identifier: Apache-2.0
"""A hub on this machine: one server that answers as the Hugging Face hub does, and one that keeps its
large files, on another host and port. Both remember what they were asked and fail when told to."""

import hashlib
import http.server
import json
import threading
import time
import urllib.parse


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Repository:
    """One repository: its commits, each a dictionary of files, and its branches."""

    def __init__(self, files, commit, branches=("main",), token=None, gated=False):
        self.commits = {commit: files}
        self.branches = dict.fromkeys(branches, commit)
        self.token = token  # without it the repository is not there
        self.gated = gated  # with it, still not allowed


class Fault:
    """What the server does instead of answering rightly, `times` times, to requests that match."""

    def __init__(self, kind, match="", method="GET", times=1, **details):
        self.kind, self.match, self.method, self.times = kind, match, method, times
        self.details = details


class Request:
    def __init__(self, server, handler):
        self.server, self.method, self.path = server, handler.command, handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        hub, name = self.server.hub, self.server.name
        fault = hub.take_fault(Request(name, self))
        try:
            if fault and fault.kind == "status":
                return self.send(fault.details["status"], fault.details.get("headers", {}))
            if fault and fault.kind == "redirect":
                return self.send(302, {"Location": fault.details["to"]})
            self.ranges = not (fault and fault.kind == "no range")
            self.fault = fault
            (self.answer_hub if name == "hub" else self.answer_store)()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send(self, status, headers=(), body=b""):
        self.send_response(status)
        for key, value in dict(headers).items():
            self.send_header(key, value)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error_code(self, status, code):
        self.send(status, {"X-Error-Code": code, "X-Error-Message": f"{code}, says the server"})

    def send_content(self, content, headers):
        begin = 0
        range_header = self.headers.get("Range", "")
        if range_header.startswith("bytes=") and self.ranges:
            begin = int(range_header[6:].split("-")[0])
            if begin >= len(content):
                return self.send(416, {"Content-Range": f"bytes */{len(content)}"})
        kind = self.fault.kind if self.fault else ""
        if kind == "wrong bytes":
            content = bytes(byte ^ 1 for byte in content)
        if kind == "too long":
            content += b"more"
        body = content[begin:]
        headers = {**headers, "Content-Length": str(len(body))}
        partial = bool(range_header) and self.ranges
        if partial:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        if kind == "other range":
            headers["Content-Range"] = f"bytes {begin + 1}-{len(content) - 1}/{len(content)}"
        if kind not in ("cut", "stall", "slow"):
            return self.send(206 if partial else 200, headers, body)
        self.send_response(206 if partial else 200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        sent = self.fault.details.get("after", 0)
        self.wfile.write(body[:sent])
        self.wfile.flush()
        if kind == "stall":
            self.server.hub.stalled.set()
            self.server.hub.release.wait(self.fault.details.get("seconds", 60))
        if kind == "slow":
            for i in range(sent, len(body), 1 + len(body) // 20):
                time.sleep(0.1)
                self.wfile.write(body[i:i + 1 + len(body) // 20])
                self.wfile.flush()
        self.close_connection = True

    def repository(self, name):
        """The repository where this request may see it; else answers with a refusal."""
        repository = self.server.hub.repositories.get(name)
        bearer = self.headers.get("Authorization", "")
        if repository is None or (repository.token and bearer != f"Bearer {repository.token}"):
            # The hub tells nobody without a token whether a repository exists.
            self.send_error_code(404 if bearer else 401, "RepoNotFound")
            return None
        if repository.gated:
            self.send_error_code(403, "GatedRepo")
            return None
        return repository

    def answer_hub(self):
        path = urllib.parse.urlsplit(self.path).path
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
        if parts[:2] == ["api", "models"]:
            return self.answer_api("/".join(parts[2:4]), parts[4:])
        cached = parts[:2] == ["api", "resolve-cache"]
        if cached:
            parts = parts[2:]
        if len(parts) < 5 or parts[2] != "resolve":
            return self.send_error_code(404, "RepoNotFound")
        repository = self.repository("/".join(parts[:2]))
        if repository is None:
            return None
        commit = repository.branches.get(parts[3], parts[3])
        if commit not in repository.commits:
            return self.send_error_code(404, "RevisionNotFound")
        name = "/".join(parts[4:])
        if name not in repository.commits[commit]:
            return self.send_error_code(404, "EntryNotFound")
        return self.answer_file(repository.commits[commit][name], name, commit, path, cached)

    def answer_file(self, content, name, commit, path, cached):
        hub = self.server.hub
        if name.endswith(".safetensors"):
            return self.send(302, {
                "Location": f"{hub.store_address}/{sha256(content)}?Signature=secret-of-the-link",
                "X-Repo-Commit": commit,
                "X-Linked-Etag": f'"{sha256(content)}"',
                "X-Linked-Size": str(len(content)),
                "ETag": f'"{git_sha1(content)}"'})
        # As the hub does for some files: on the same host, by a relative address.
        if name == "config.json" and not cached:
            return self.send(307, {"Location": "/api/resolve-cache" + path, "X-Repo-Commit": commit})
        return self.send_content(content, {"ETag": f'W/"{git_sha1(content)}"',
                                           "X-Repo-Commit": commit})

    def answer_api(self, name, rest):
        repository = self.repository(name)
        if repository is None:
            return None
        revision = rest[1] if len(rest) > 1 else "main"
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            return self.send_error_code(404, "RevisionNotFound")
        files = repository.commits[commit]
        if rest[:1] == ["tree"]:
            entries = []
            for path, content in files.items():
                entries.append({"type": "file", "path": path, "size": len(content),
                                "oid": git_sha1(content)})
                if path.endswith(".safetensors"):
                    entries[-1]["lfs"] = {"oid": sha256(content), "size": len(content),
                                          "pointerSize": 100}
            body = entries
        else:
            body = {"id": name, "modelId": name, "sha": commit, "private": False, "tags": [],
                    "siblings": [{"rfilename": path} for path in files]}
        return self.send(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def answer_store(self):
        content = self.server.hub.store.get(urllib.parse.urlsplit(self.path).path.strip("/"))
        if content is None:
            return self.send(404)
        return self.send_content(content, {"ETag": '"of-the-store"'})


class Hub:
    def __init__(self, repositories):
        self.repositories = repositories
        self.store = {sha256(content): content for repository in repositories.values()
                      for files in repository.commits.values() for content in files.values()}
        self.requests, self.faults = [], []
        self.lock = threading.Lock()
        self.stalled, self.release = threading.Event(), threading.Event()
        self.servers = []
        for name in ("hub", "store"):
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            server.hub, server.name = self, name
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.servers.append(server)
        self.address = f"http://127.0.0.1:{self.servers[0].server_port}"
        self.store_address = f"http://localhost:{self.servers[1].server_port}"

    def close(self):
        self.release.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def take_fault(self, request):
        with self.lock:
            self.requests.append(request)
            for fault in self.faults:
                if (fault.times > 0 and fault.method == request.method
                        and fault.match in f"{request.server} {request.path}"):
                    fault.times -= 1
                    return fault
        return None

    def asked(self, server, method="GET"):
        return [request for request in self.requests
                if request.server == server and request.method == method]
