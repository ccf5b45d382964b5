"""The app of the page on apps: its Kotlin compiles, against declarations of what it uses; and it reads what a manifest really has."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pages import REPOSITORY, fenced

PAGE = REPOSITORY / "docs" / "tutorials" / "in-an-app.md"
FORMATS = REPOSITORY / "docs" / "reference" / "formats.md"
STAND_IN = Path(__file__).parent / "android_stand_in.kt"
OTHERS = {
    "json.kt": """package org.json
class JSONArray { fun length(): Int = TODO(); fun getJSONObject(index: Int): JSONObject = TODO() }
class JSONObject(text: String) {
    fun getInt(name: String): Int = TODO()
    fun getString(name: String): String = TODO()
    fun getJSONArray(name: String): JSONArray = TODO()
    fun getJSONObject(name: String): JSONObject = TODO()
}
""",
    "context.kt": """package android.content
class Assets { fun list(path: String): Array<String>? = TODO(); fun open(path: String): java.io.InputStream = TODO() }
class Context { val assets: Assets get() = TODO(); val filesDir: java.io.File get() = TODO() }
""",
}


def sources() -> list[str]:
    return [block for block in fenced(PAGE, "kotlin") if block.startswith("package ")]


def test_it_reads_fields_that_a_manifest_has() -> None:
    [manifest] = [block for block in fenced(FORMATS, "json") if '"segments": [' in block]
    [model, _] = sources()
    read = set(re.findall(r'\.get(?:Int|String|JSONArray|JSONObject)\("(\w+)"\)|onlyOf\(\w+, "(\w+)"\)', model))
    read = {one or other for one, other in read}
    assert read >= {"format", "dtype", "segments", "name", "unit", "model", "inputs", "from", "outputs", "segment"}
    assert read <= set(re.findall(r'"(\w+)":', manifest))
    assert int(re.findall(r'getInt\("format"\) == (\d+)', model)[0]) == int(re.findall(r'"format": (\d+)', manifest)[0])


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("kotlinc"), reason="there is no Kotlin compiler here (Debian: kotlin)")
def test_it_compiles(tmp_path: Path) -> None:
    files = {f"{number}.kt": text for number, text in enumerate(sources())} | OTHERS | {STAND_IN.name: STAND_IN.read_text(encoding="utf-8")}
    assert len(sources()) == 2
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    compiler = [str(shutil.which("kotlinc")), *files, "-d", "app.jar"]
    compiled = subprocess.run(compiler, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
