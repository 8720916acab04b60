"""The real binary as a child process, an endpoint that plays AWS Lambda, and pictures."""

import base64
import hashlib
import io
import json
import os
import pathlib
import re
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCOUNT = "000000000000"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/tests"
# The server, and the client that is written in Rust.
BINARIES = ["-p", "stepyard", "-p", "stepyard-rust-client"]

# Seconds.
START_TIMEOUT = 30
WAIT_TIMEOUT = 60


def binary(name="stepyard"):
    """A binary under test: beside STEPYARD_BIN, which is the server, else built by cargo."""
    if "STEPYARD_BIN" not in os.environ:
        subprocess.run(["cargo", "build", "--quiet", *BINARIES], cwd=ROOT, check=True)
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        os.environ["STEPYARD_BIN"] = str(target / "debug" / "stepyard")
    return str(pathlib.Path(os.environ["STEPYARD_BIN"]).with_name(name))


def client_environment():
    """What AWS clients and the server need to know, and nothing of the machine's own AWS settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "NO_COLOR": "1",
    }


def stepyard(*arguments, timeout=120, environment=None, **options):
    """Runs a command of the binary to its end."""
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, env=client_environment() | (environment or {}), **options)


class Server:
    """`stepyard serve` on a free port."""

    def __init__(self, data_dir, *arguments, environment=None):
        self.data_dir = data_dir
        self.log = []
        self.process = subprocess.Popen(
            [binary(), "serve", "--listen", "127.0.0.1:0", "--data-dir", str(data_dir), *arguments],
            env=client_environment() | (environment or {}), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        found = threading.Event()
        self.url = None
        for stream in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._follow, args=(stream, found), daemon=True).start()
        end = time.monotonic() + START_TIMEOUT
        while not found.wait(0.05):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError("the server does not start:\n" + "".join(self.log))

    def _follow(self, stream, found):
        for line in stream:
            self.log.append(line)
            # The server prints this line when it answers requests.
            listening = re.fullmatch(r"stepyard is listening on (\S+)\s*", line)
            if listening:
                self.url = listening[1]
                found.set()

    def client(self):
        """A boto3 client for Step Functions."""
        return boto3.client(
            "stepfunctions", endpoint_url=self.url, region_name=REGION, aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(inject_host_prefix=False, parameter_validation=False, max_pool_connections=32,
                          retries={"max_attempts": 0}))

    def aws(self, *arguments):
        """Runs `aws stepfunctions ...` and returns its JSON answer."""
        done = self.try_aws(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def try_aws(self, *arguments):
        return subprocess.run(["aws", "--endpoint-url", self.url, "stepfunctions", *arguments],
                              capture_output=True, text=True, timeout=60, env=client_environment())

    def http(self, method, path, body=None, headers=None):
        """An HTTP call: status, headers and body, parsed when it is JSON. Strings are sent as they are,
        everything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT_TIMEOUT) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def upload(self, content, name="photo.jpg", user=None, content_type="image/jpeg"):
        """Uploads a file as a form and returns the answer's body."""
        parts = [("file", content, f'; filename="{name}"', content_type)]
        if user is not None:
            parts.append(("user", user.encode(), "", "text/plain"))
        body, form_type = multipart(parts)
        answer = self.http("POST", "/upload", body, {"Content-Type": form_type})
        assert answer.status == 201, answer
        return answer.body

    def await_end(self, execution_arn):
        """Waits until an execution has ended; returns what DescribeExecution says."""
        client, end = self.client(), time.monotonic() + WAIT_TIMEOUT
        while True:
            described = client.describe_execution(executionArn=execution_arn)
            if described["status"] != "RUNNING":
                return described
            assert time.monotonic() < end, f"{execution_arn} does not end"
            time.sleep(0.05)

    def image(self, image_id):
        """The newest metadata item of an image."""
        answer = self.http("GET", "/api/v1/images/" + urllib.parse.quote(image_id, safe=""))
        assert answer.status == 200, answer
        return answer.body

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        """SIGTERM, as a service manager sends it; returns the exit status."""
        self.process.terminate()
        return self.process.wait(WAIT_TIMEOUT)


class Answer:
    def __init__(self, status, headers, content):
        self.status, self.headers, self.content = status, headers, content
        is_json = "json" in (headers.get("Content-Type") or "")
        self.body = json.loads(content) if is_json and content else content

    def __repr__(self):
        return f"<{self.status} {self.body!r:.500}>"


def multipart(parts):
    """A form body and its content type, from (name, content, more disposition, content type)."""
    boundary = "stepyard-test-boundary"
    body = b""
    for name, content, disposition, content_type in parts:
        head = (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{disposition}\r\n'
                f"Content-Type: {content_type}\r\n\r\n")
        body += head.encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class LambdaStub:
    """Plays AWS Lambda: `functions` maps names to callables of the event. Keeps a log of all runs."""

    def __init__(self, functions):
        stub = self
        self.functions, self.runs = functions, []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                event = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
                path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
                name = re.search(r"/functions/(?:.*:function:)?([^/:]+)", path)[1]
                stub.runs.append({"function": name, "event": event, "key": self.key()})
                try:
                    result, failed = stub.functions[name](event), False
                except Exception as error:
                    result, failed = {"errorMessage": str(error), "errorType": type(error).__name__}, True
                self.answer(json.dumps(result).encode(), failed)

            def key(self):
                context = self.headers.get("X-Amz-Client-Context")
                return json.loads(base64.b64decode(context))["custom"]["idempotency_key"] if context else None

            def answer(self, body, failed):
                self.send_response(200)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(body)),
                           "x-amzn-RequestId": "00000000-0000-4000-8000-000000000000",
                           "X-Amz-Executed-Version": "$LATEST"}
                if failed:
                    headers["X-Amz-Function-Error"] = "Unhandled"
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def environment(self):
        return {"AWS_ENDPOINT_URL_LAMBDA": self.url}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class S3Stub:
    """Plays Amazon S3, so far as it puts, gets and looks at objects: `objects` maps "bucket/key" to their bytes.
    Keeps a log of all requests."""

    def __init__(self):
        stub = self
        self.objects, self.kept, self.requests = {}, {}, []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def path_and_body(self):
                path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).removeprefix("/")
                stub.requests.append(f"{self.command} {path}")
                return path, self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def do_PUT(self):
                path, body = self.path_and_body()
                stub.objects[path] = body
                stub.kept[path] = {name: value for name, value in self.headers.items()
                                   if name.lower() == "content-type" or name.lower().startswith("x-amz-meta-")}
                self.answer(200, b"")

            def do_GET(self):
                path, _ = self.path_and_body()
                if path not in stub.objects:
                    return self.answer(404, b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist."
                                            b"</Message></Error>")
                body = stub.objects[path]
                first = int((self.headers.get("Range") or "bytes=0-")[6:].rstrip("-"))
                headers = stub.kept.get(path, {}) | {
                    "ETag": f'"{hashlib.md5(body).hexdigest()}"', "Last-Modified": "Mon, 23 Nov 2026 12:00:00 GMT"}
                if first:
                    headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
                self.answer(206 if first else 200, body[first:], headers)

            do_HEAD = do_GET

            def answer(self, status, body, headers=None):
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def environment(self):
        return {"AWS_ENDPOINT_URL_S3": self.url}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def definition(**states):
    """A state machine of these states; the first one starts, and each goes on to the next."""
    names = list(states)
    for name, following in zip(names, names[1:] + [None]):
        if states[name]["Type"] not in ("Succeed", "Fail", "Choice"):
            states[name].update({"Next": following} if following else {"End": True})
    return json.dumps({"StartAt": names[0], "States": states})


def s3_event(bucket, key):
    """The event that S3 sends when an object has been created."""
    return {"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": REGION, "eventName": "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
               "object": {"key": urllib.parse.quote_plus(key, safe="/")}},
    }]}


def picture(width=64, height=48, form="JPEG", color=(200, 80, 40)):
    """A picture of one colour with a lighter corner, encoded."""
    image = Image.new("RGB", (width, height), color)
    image.paste((250, 250, 240), (0, 0, width // 2, height // 2))
    encoded = io.BytesIO()
    image.save(encoded, form)
    return encoded.getvalue()


def png_claiming(width, height, data=b""):
    """A PNG whose header claims that size, with `data` as its compressed pixels."""
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zlib_bomb(megabytes):
    """Zeros that compress a thousandfold."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()
