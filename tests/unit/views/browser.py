"""A real browser for tests: the headless Chromium of package.json, driven over a pipe.

The package brings the browser and, for a machine without them, the libraries that it needs beyond the C runtime. Fonts
are matplotlib's, so that a page is as wide on every machine. The browser ends when its pipe does.
"""

import base64
import json
import os
import select
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import F_DUPFD_CLOEXEC, fcntl
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import matplotlib

PACKAGE = Path(__file__).parents[3] / "node_modules/@sparticuz/chromium"
FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"
PATIENCE = 120.0
"""Seconds that an answer may take: far more than it takes on a busy machine."""

_UNPACK = (
    "import('node:fs').then((fs) => fs.writeFileSync(process.argv[2], "
    "require('node:zlib').brotliDecompressSync(fs.readFileSync(process.argv[1])), { mode: 0o755 }))"
)
_FLAGS = ("--headless", "--remote-debugging-pipe", "--no-sandbox", "--no-zygote", "--in-process-gpu", "--disable-gpu",
          "--disable-software-rasterizer", "--force-color-profile=srgb", "--hide-scrollbars")  # fmt: skip


def unpacked() -> Path:
    """The folder with `chromium` and `lib`, made beside the package once."""
    place = PACKAGE / "unpacked"
    if not place.exists():
        with TemporaryDirectory(dir=PACKAGE) as made:
            for name in ("chromium", "al2023.tar"):
                subprocess.run(
                    ["node", "-e", _UNPACK, PACKAGE / "bin" / f"{name}.br", f"{made}/{name}"], check=True
                )  # fmt: skip
            with tarfile.open(f"{made}/al2023.tar") as archive:
                archive.extractall(made, filter="data")
            (Path(made) / "fonts.conf").write_text(
                f"<fontconfig><dir>{FONTS}</dir><cachedir prefix='xdg'>fontconfig</cachedir></fontconfig>"
            )
            whole = Path(made) / "whole"
            whole.mkdir()
            for name in ("chromium", "lib", "fonts.conf"):
                (Path(made) / name).rename(whole / name)
            try:
                whole.rename(place)
            except OSError:  # another worker was first
                assert place.exists()
    return place


class Browser:
    """A running browser and what is said to it; one tab at a time is enough here."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer, self._ids = b"", count(1)
        self._tabs: dict[str, Tab] = {}

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """The answer to one command; what happens meanwhile goes to the tab that it happened in."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        os.write(self._commands, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            said = self.heard()
            if said.get("id") == number:
                assert "error" not in said, f"{method}: {said['error']}"
                return said["result"]

    def heard(self) -> Any:
        """The next message; one that is no answer has been given to its tab."""
        until = monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            assert select.select([self._answers], [], [], max(0, until - monotonic()))[0], "the browser says nothing"
            more = os.read(self._answers, 1 << 20)
            assert more, "the browser has ended"
            self._buffer += more
        line, self._buffer = self._buffer.split(b"\0", 1)
        said = json.loads(line)
        if said.get("sessionId") in self._tabs and "method" in said:
            self._tabs[said["sessionId"]].happened.append(said)
        return said

    @contextmanager
    def tab(
        self, width: int = 1280, height: int = 900, *, scripts: bool = True, media: str = "", dark: bool = False
    ) -> "Iterator[Tab]":
        """A tab of so many pixels; `media` is "print" for a sheet of paper; without `scripts` a page runs none."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        made = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Network", "Runtime", "Log"):
            made.call(f"{domain}.enable")
        made.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        made.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        made.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        yield made
        del self._tabs[session]
        self.call("Target.closeTarget", targetId=target)


class Tab:
    """One page in the browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.happened: list[Any] = []

    def call(self, method: str, **parameters: Any) -> Any:
        """One command of the DevTools protocol to this tab."""
        return self._browser.call(method, self._session, **parameters)

    def open(self, page: Path | str) -> None:
        """Open a file or a URL and wait until it is loaded."""
        self.happened.clear()
        self.call("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        self.loaded()

    def loaded(self) -> None:
        """Wait until a page is loaded that was asked for since `happened` was cleared."""
        while not any(event["method"] == "Page.loadEventFired" for event in self.happened):
            self._browser.heard()

    def ask(self, function: str, *arguments: Any) -> Any:
        """What a JavaScript function gives for JSON arguments, as JSON."""
        given = ", ".join(map(json.dumps, arguments))
        said = self.call("Runtime.evaluate", expression=f"({function})({given})", returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press a key, such as Tab (9) or Enter (13)."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def wait(self, function: str, *arguments: Any) -> Any:
        """What a JavaScript function gives as soon as that is true."""
        until = monotonic() + PATIENCE
        while not (found := self.ask(function, *arguments)):
            assert monotonic() < until, function
            self.ask("() => new Promise((resolve) => setTimeout(resolve, 50))")
        return found

    @property
    def requests(self) -> list[str]:
        """Everything that was asked for since `open`, the page first."""
        return [event["params"]["request"]["url"] for event in self.happened
                if event["method"] == "Network.requestWillBeSent"]  # fmt: skip

    @property
    def complaints(self) -> list[str]:
        """What the console says: messages, exceptions, refusals."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded",
                 "Page.javascriptDialogOpening")  # fmt: skip
        return [json.dumps(event["params"]) for event in self.happened if event["method"] in kinds]

    def picture(self, to: Path) -> None:
        """The whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        to.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser of one's own, with nothing of anybody's settings."""
    here = unpacked()
    with TemporaryDirectory() as home:
        commands, ours = os.pipe()
        answers, theirs = os.pipe()
        given = [fcntl(end, F_DUPFD_CLOEXEC, 10) for end in (commands, theirs)]  # above the 3 and 4 that it reads
        child = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{given[0]} 4>&{given[1]}', "-", here / "chromium", *_FLAGS,
             f"--user-data-dir={home}/profile", "about:blank"],
            pass_fds=given, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home, "XDG_CACHE_HOME": home,
                 "LD_LIBRARY_PATH": str(here / "lib"), "FONTCONFIG_FILE": str(here / "fonts.conf")},
        )  # fmt: skip
        for end in (commands, theirs, *given):
            os.close(end)
        try:
            yield Browser(ours, answers)
        finally:
            os.close(ours)
            os.close(answers)
            child.wait(PATIENCE)
