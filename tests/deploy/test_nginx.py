"""The web server in front, the real one: TLS for readers, a log-in before Dagster, and nothing for other web pages."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from orchestration.webserver import Guard
from tests.warehouse import made
from tests.warehouse.conftest import Service

CONF = Path(__file__).parents[2] / "deploy" / "nginx" / "rdc.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
DATA, DAGSTER = "data.example.nl", "dagster.example.nl"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def guarded() -> Iterator[int]:
    """The guard of Dagster's web server with, in Dagster's place, something that tells what reaches it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        told = b"\n".join(b": ".join(pair) for pair in scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"dagster\n" + told})

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(Guard(app), host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield port
    server.should_exit = True
    thread.join()


@dataclass
class Front:
    """nginx with the file of the project, on ports of its own."""

    plain: int
    tls: int
    certificate: Path

    def get(self, name: str, path: str = "/", tls: bool = True, **how: Any) -> requests.Response:
        """Ask it as who reached it by a name."""
        port, scheme = (self.tls, "https") if tls else (self.plain, "http")
        how["headers"] = {"Host": name, **how.get("headers", {})}
        with requests.Session() as session:
            session.mount("https://", _Named(name))
            url = f"{scheme}://127.0.0.1:{port}{path}"
            return session.request(
                how.pop("method", "GET"), url, verify=str(self.certificate), allow_redirects=False, timeout=30, **how
            )


class _Named(requests.adapters.HTTPAdapter):
    """Asks one address for another name: in TLS's SNI, and in what is expected of the certificate."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()

    def init_poolmanager(self, *args: Any, **how: Any) -> None:
        super().init_poolmanager(*args, server_hostname=self.name, assert_hostname=self.name, **how)


@pytest.fixture(scope="module")
def front(guarded: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    if NGINX is None:
        pytest.skip("nginx is not here (`make browser` installs it, as root on Debian)")
    folder = tmp_path_factory.mktemp("front")
    made.publish(folder / "home" / "warehouse")
    key, certificate = folder / "privkey.pem", folder / "fullchain.pem"
    openssl = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=rdc", "-addext", f"subjectAltName=DNS:{DATA},DNS:{DAGSTER}"]
    subprocess.run([*openssl, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    hashed = subprocess.run(["openssl", "passwd", "-apr1", "geheim"], check=True, capture_output=True, text=True)
    (folder / "dagster.htpasswd").write_text(f"beheer:{hashed.stdout}")
    with Service(folder / "home", {"RDC_SERVE_PROXIES": "127.0.0.1"}) as service:
        plain, tls = free_port(), free_port()
        text = CONF.read_text(encoding="utf-8")
        for there, here in {
            "127.0.0.1:80;": f"127.0.0.1:{plain};",
            "127.0.0.1:443 ssl": f"127.0.0.1:{tls} ssl",
            "127.0.0.1:8080": service.host,
            "http://127.0.0.1:3000": f"http://127.0.0.1:{guarded}",
            "/etc/rdc/tls": str(folder),
            "/etc/rdc": str(folder),
        }.items():
            assert there in text
            text = text.replace(there, here)
        (folder / "rdc.conf").write_text(text)
        temporary = "".join(
            f"{what}_temp_path {folder}/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"pid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}include {folder}/rdc.conf;\n}}\n"
        )
        folder.chmod(0o755)
        start = [NGINX, "-c", str(folder / "nginx.conf"), "-g", "daemon off; master_process off;"]
        nginx = subprocess.Popen(start, stderr=subprocess.PIPE, text=True)
        try:
            while nginx.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", tls), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                raise AssertionError(nginx.stderr.read() if nginx.stderr else "")
            yield Front(plain, tls, certificate)
        finally:
            nginx.terminate()
            nginx.wait(20)


def test_readers_get_the_service_over_tls(front: Front) -> None:
    answer = front.get(DATA, "/v1")
    assert answer.status_code == 200 and answer.headers["Strict-Transport-Security"]
    # It knows by which name and how it was reached.
    assert f"https://{DATA}" in answer.text and "http://127.0.0.1" not in answer.text
    moved = front.get(DATA, "/v1?x=1", tls=False)
    assert (moved.status_code, moved.headers["Location"]) == (308, f"https://{DATA}/v1?x=1")


def test_old_tls_is_refused(front: Front) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", front.tls)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname=DATA)


def test_dagster_is_behind_a_log_in(front: Front) -> None:
    assert front.get(DAGSTER).status_code == 401
    assert front.get(DAGSTER, auth=("beheer", "fout")).status_code == 401
    answer = front.get(DAGSTER, auth=("beheer", "geheim"))
    assert answer.status_code == 200 and answer.text.startswith("dagster")
    assert "geheim" not in answer.text and "authorization" not in answer.text
    own = {"Origin": f"https://{DAGSTER}", "Sec-Fetch-Site": "same-origin"}
    assert front.get(DAGSTER, "/graphql", method="POST", headers=own, auth=("beheer", "geheim")).status_code == 200
    # The other name leads to the readers' side alone.
    assert "dagster" not in front.get(DATA, "/graphql", auth=("beheer", "geheim")).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"https://{DATA}"},
        {"Origin": f"https://{DAGSTER}.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_page_reaches_nothing_with_the_log_in_of_a_browser(front: Front, headers: dict[str, str]) -> None:
    answer = front.get(DAGSTER, "/graphql", method="POST", headers=headers, auth=("beheer", "geheim"))
    assert answer.status_code == 403
