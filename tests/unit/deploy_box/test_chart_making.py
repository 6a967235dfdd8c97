"""What of the chart is made from the code is current, and says what the code says."""

from pathlib import Path

from deploy.helm import __main__ as making
from deploy.helm import names
from deploy.helm.schema import SETTINGS


def test_the_chart_is_current() -> None:
    """Its schema has the settings as they are now, and its rules are those of the project."""
    assert making.stale(making.CHART, making.contents()) == []


def test_what_is_stale_is_found_and_mended(tmp_path: Path) -> None:
    """A file that differs, one that is missing, one that is left over."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "gone.yml").write_text("x", encoding="utf-8")
    (tmp_path / "rules" / "old.yml").write_text("x", encoding="utf-8")
    wanted = {"rules/old.yml": "y", "values.schema.json": "{}"}
    assert making.stale(tmp_path, wanted) == ["rules/gone.yml", *sorted(wanted)]
    making.write(tmp_path, wanted)
    assert making.stale(tmp_path, wanted) == []


def test_secrets_are_told_from_the_rest() -> None:
    """A secret that may be missing, or that is checked, is one all the same."""
    assert {"CARELINE_DATABASE", "CARELINE_SMTP_PASSWORD"} <= set(
        names.secret(SETTINGS["notifier"])
    )
    assert "CARELINE_SMTP_HOST" in names.plain(SETTINGS["notifier"])
    for kind in SETTINGS.values():
        assert not set(names.secret(kind)) & set(names.plain(kind))
