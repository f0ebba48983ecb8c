import pytest

from anyformer.errors import CheckpointError, InputError
from anyformer.run import folder, lock


def made(path, name="x", **facts):
    path.mkdir(parents=True)
    folder.write_config(path, {"data": {"a": 1}, "run": "old"}, **facts)
    return path


def enter(context):
    with context:
        raise AssertionError("was let in")


def test_runs_are_numbered_past_the_highest(tmp_path):
    assert folder.number("demo", tmp_path / "runs").name == "demo-1"
    for name in ("demo-1", "demo-7", "demo-x", "demo-2-9", "other-30"):
        (tmp_path / name).mkdir()
    assert folder.number("demo", tmp_path).name == "demo-8"


def test_config_says_what_made_it(tmp_path):
    data = folder.read_config(made(tmp_path / "r", name="mine"))
    assert data["data"] == {"a": 1}
    assert data["run"]["versions"]["torch"] and data["run"]["command"] and data["run"]["format"] == folder.FORMAT


def test_a_folder_with_content_is_refused(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not empty"):
        enter(folder.create(tmp_path / "full"))
    with pytest.raises(InputError, match="no run"):
        enter(folder.create(tmp_path / "full", overwrite=True))
    assert (tmp_path / "full" / "thesis.txt").exists()


def test_overwrite_replaces_a_run(tmp_path):
    path = made(tmp_path / "r")
    with pytest.raises(InputError, match="--resume"):
        enter(folder.create(path))
    with folder.create(path, overwrite=True):
        assert [p.name for p in path.iterdir()] == [lock.FILE]
    assert list(path.iterdir()) == []


def test_overwrite_empties_what_a_link_leads_to_and_no_further(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "data").write_text("precious")
    path = made(tmp_path / "r")
    (path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "link").symlink_to(path)
    with folder.create(tmp_path / "link", overwrite=True):
        pass
    assert list(path.iterdir()) == [] and (tmp_path / "kept" / "data").exists()


def test_of_two_numbered_at_once_each_gets_its_own(tmp_path, monkeypatch):
    (tmp_path / "demo-1").mkdir()
    numbers = iter([tmp_path / "demo-1", tmp_path / "demo-2"])
    monkeypatch.setattr(folder, "number", lambda *_: next(numbers))
    with folder.create_numbered("demo", tmp_path) as path:
        assert path == tmp_path / "demo-2" and lock.holder(path)


def test_an_empty_folder_is_taken(tmp_path):
    for path in (tmp_path, tmp_path / "a" / "b"):
        with folder.create(path) as found:
            assert found == path and path.is_dir()


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        enter(folder.create(tmp_path / "file"))


def test_no_run_names_the_runs_there_are(tmp_path):
    made(tmp_path / "real-1")
    with pytest.raises(InputError, match="real-1"):
        folder.open_run(tmp_path / "unreal")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is no run"):
        folder.open_run(tmp_path / "empty")
    assert folder.open_run(tmp_path / "real-1" / "config.yaml") == tmp_path / "real-1"


@pytest.mark.parametrize("text", ["", "a: 1\n", "run: {format: 99}\n", "run: [\n", "run: !!python/name:os.system\n"])
def test_a_damaged_config_is_said_to_be(tmp_path, text):
    path = made(tmp_path / "r")
    (path / "config.yaml").write_text(text)
    with pytest.raises(CheckpointError, match="config.yaml"):
        folder.read_config(path)


def test_latest_of_a_recipe(tmp_path):
    assert folder.latest("a", tmp_path) is None
    made(tmp_path / "a-2"), made(tmp_path / "b-1")
    assert folder.latest("a", tmp_path) == tmp_path / "a-2"


def test_metrics_cut_short_are_read_as_far_as_they_go(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 3.0}\n{"step": 2, "lo')
    assert folder.last_metrics(tmp_path) == {"step": 1, "loss": 3.0}
