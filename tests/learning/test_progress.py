from __future__ import annotations

import io

from hrg_pipeline.learning.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_elsewhere_it_writes_plain_lines_and_always_the_last_state():
    stream = io.StringIO()
    progress = Progress("train", 1000, "step", stream=stream, refresh_s=3600.0)
    for done in range(0, 1001, 10):
        progress.update(done, {"success": "0.50"})
    progress.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("train: 1,000/1,000 steps, ")
    assert lines[0].endswith("steps/s, success 0.50")
    assert "\r" not in stream.getvalue()


def test_on_a_terminal_it_is_one_bar():
    stream = Terminal()
    progress = Progress("train", 1000, "step", stream=stream, refresh_s=0.0)
    progress.update(500, {"reward": "-3.00"})
    progress.update(1000, {"reward": "-1.00"})
    progress.close()
    text = stream.getvalue()
    assert " 50%|" in text and "100%|" in text and "reward=-1.00" in text
    assert text.count("\n") == 1


def test_it_can_be_silent():
    stream = Terminal()
    progress = Progress("train", 10, "step", stream=stream, enabled=False, refresh_s=0.0)
    progress.update(10, {})
    progress.close()
    assert stream.getvalue() == ""
