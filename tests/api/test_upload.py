"""Uploads: what becomes of good pictures, of many of them, and of files that are none."""

import concurrent.futures
import io
import urllib.request

import pytest
from PIL import Image

from harness import multipart, picture, png_claiming, zlib_bomb

OUTPUT = "image-processed-output"


def processed(server, item):
    """The processed picture that a metadata item tells of."""
    answer = server.http("GET", f"/objects/{item['processed_bucket']}/{item['processed_key']}")
    assert answer.status == 200, answer
    return Image.open(io.BytesIO(answer.content))


def only_item(server, image_id):
    items = server.image(image_id)["items"]
    assert len(items) == 1
    return items[0]


def test_a_form(server):
    content = picture(640, 480)
    uploaded = server.upload(content, name="photo.jpg", user="user123")
    assert server.await_end(uploaded["execution_arn"])["status"] == "SUCCEEDED"
    original = server.http("GET", uploaded["url"].removeprefix(server.url))
    assert original.content == content
    item = only_item(server, uploaded["image_id"])
    assert (item["user"], item["size"]) == ("user123", "300x300")
    assert max(processed(server, item).size) == 300


def test_a_raw_body(server):
    answer = server.http("POST", "/upload?user=raw&name=photo.png", picture(form="PNG"),
                         {"Content-Type": "image/png"})
    assert answer.status == 201, answer
    assert server.await_end(answer.body["execution_arn"])["status"] == "SUCCEEDED"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_formats_are_known_by_content(server, form):
    uploaded = server.upload(picture(form=form), name="picture.bin", content_type="application/octet-stream")
    assert server.await_end(uploaded["execution_arn"])["status"] == "SUCCEEDED"
    only_item(server, uploaded["image_id"])


def test_a_wrong_content_type_is_noted_not_refused(server):
    uploaded = server.upload(picture(form="PNG"), name="photo.jpg", content_type="image/jpeg")
    assert server.await_end(uploaded["execution_arn"])["status"] == "SUCCEEDED"


def test_orientation_is_applied(server):
    exif = Image.Exif()
    exif[0x0112] = 6
    encoded = io.BytesIO()
    Image.new("RGB", (200, 100), (9, 99, 199)).save(encoded, "JPEG", exif=exif)
    uploaded = server.upload(encoded.getvalue())
    assert server.await_end(uploaded["execution_arn"])["status"] == "SUCCEEDED"
    width, height = processed(server, only_item(server, uploaded["image_id"])).size
    assert height > width or (width, height) == (300, 300)


def test_an_empty_body_is_refused(server):
    assert server.http("POST", "/upload", b"", {"Content-Type": "image/jpeg"}).status == 400
    form, form_type = multipart([("user", b"nobody", "", "text/plain")])
    assert server.http("POST", "/upload", form, {"Content-Type": form_type}).status == 400


FILE = ("file", picture(), '; filename="photo.jpg"', "image/jpeg")


@pytest.mark.parametrize(("fields", "detail"), [
    ([FILE, ("title", b"x", "", "text/plain")], "There is no field 'title'; a form has the fields 'file' and 'user'"),
    ([("file", b"text", "", "text/plain")], "The field 'file' has no file name; send a file, not a text"),
    ([("user", b"a", "", "text/plain")] * 2, "The field 'user' stands twice in the form"),
    ([FILE, FILE], "The form has a second file; send one at a time"),
    ([("user", b"a" * 1025, "", "text/plain"), FILE], "The name of a user has at most 1024 bytes"),
])
def test_a_form_with_other_fields_is_refused(server, fields, detail):
    form, form_type = multipart(fields)
    answer = server.http("POST", "/upload", form, {"Content-Type": form_type})
    assert (answer.status, answer.body["detail"]) == (400, detail)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_user_by_any_way_has_a_limit(server):
    long = "a" * 1025
    for path, headers in [("/upload?user=" + long, {}), ("/upload", {"X-User": long})]:
        answer = server.http("POST", path, b"x", headers)
        assert (answer.status, answer.body["detail"]) == (400, "The name of a user has at most 1024 bytes")


def test_nothing_is_stored_when_there_is_nothing_to_start(start_server):
    server = start_server("--upload-state-machine", "nope")
    answer = server.http("POST", "/upload", picture())
    assert answer.status == 503 and "--upload-state-machine" in answer.body["detail"], answer
    objects = [path for path in server.data_dir.rglob("*") if path.is_file() and "objects" in path.parts]
    assert not any(path.stat().st_size == len(picture()) for path in objects), objects


def test_two_hundred_at_eight_at_a_time(start_server):
    server = start_server()

    def upload(number):
        return server.upload(picture(color=(number, 255 - number, 128)), name=f"photo-{number}.jpg", user=f"user{number}")

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        uploaded = list(threads.map(upload, range(200)))
    ended = [server.await_end(each["execution_arn"]) for each in uploaded]
    assert [each["status"] for each in ended] == ["SUCCEEDED"] * 200
    assert len({each["executionArn"] for each in ended}) == 200
    items = all_items(server)
    assert len(items) == 200
    assert {item["image_id"] for item in items} == {each["image_id"] for each in uploaded}
    assert {item["execution_arn"] for item in items} == {each["executionArn"] for each in ended}
    keys = {item["processed_key"] for item in items}
    assert len(keys) == 200
    for item in items:
        with urllib.request.urlopen(f"{server.url}/objects/{OUTPUT}/{item['processed_key']}") as answer:
            assert len(answer.read()) == item["bytes"]


def all_items(server):
    items, cursor = [], ""
    while True:
        page = server.http("GET", f"/api/v1/images?limit=50{cursor}").body
        items += page["images"]
        if not page["cursor"]:
            return items
        cursor = "&cursor=" + page["cursor"]


def test_sixty_megapixels(server):
    big = Image.linear_gradient("L").resize((10_000, 6_000)).convert("RGB")
    encoded = io.BytesIO()
    big.save(encoded, "JPEG", quality=80)
    uploaded = server.upload(encoded.getvalue(), name="big.jpg")
    assert server.await_end(uploaded["execution_arn"])["status"] == "SUCCEEDED"
    only_item(server, uploaded["image_id"])


def truncated(content):
    return content[:len(content) // 2]


BAD = {
    "text-named.jpg": b"This is not a picture. " * 40,
    "truncated.png": truncated(picture(400, 300, "PNG")),
    "huge.png": png_claiming(30_000, 20_000),
    "bomb.png": png_claiming(64, 64, zlib_bomb(100)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_end_in_the_caught_failure_path(server, name):
    uploaded = server.upload(BAD[name], name=name)
    ended = server.await_end(uploaded["execution_arn"])
    assert ended["status"] == "FAILED"
    assert ended["error"], ended
    assert len(ended["cause"]) > 20, ended["cause"]
    events = server.client().get_execution_history(executionArn=ended["executionArn"])["events"]
    entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
    assert entered == ["ResizeImage", "RecordFailure", "ImageRejected"]
    item = only_item(server, uploaded["image_id"])
    assert item["status"] == "failed"
    assert item["error"] == ended["error"]
    assert item["execution_arn"] == ended["executionArn"]
    # The server goes on.
    following = server.upload(picture())
    assert server.await_end(following["execution_arn"])["status"] == "SUCCEEDED"


def test_an_object_in_part_and_only_if_it_has_changed(server):
    content = picture(640, 480)
    path = server.upload(content)["url"].removeprefix(server.url)
    whole = server.http("GET", path)
    assert (whole.status, whole.content) == (200, content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    head = server.http("HEAD", path, headers={"Range": "bytes=0-9"})
    assert (head.status, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified"):
        assert head.headers[name] == whole.headers[name], name
    assert int(head.headers["Content-Length"]) == len(content)

    part = server.http("GET", path, headers={"Range": "bytes=10-19", "If-Range": whole.headers["ETag"]})
    assert (part.status, part.content) == (206, content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    assert part.headers["Content-Length"] == "10"
    beyond = server.http("GET", path, headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    assert beyond.headers["Content-Type"] == "application/problem+json"

    for condition in ({"If-None-Match": whole.headers["ETag"]}, {"If-Modified-Since": whole.headers["Last-Modified"]}):
        for method in ("GET", "HEAD"):
            same = server.http(method, path, headers=condition)
            assert (same.status, same.content) == (304, b""), condition
            assert same.headers["ETag"] == whole.headers["ETag"]
    assert server.http("GET", path, headers={"If-Match": '"other"'}).status == 412
    assert server.http("GET", path, headers={"If-None-Match": '"other"'}).content == content
