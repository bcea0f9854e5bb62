"""Functions and classes made of their texts."""

from neurojax.sweep.spec import fingerprint


def typed(source, name="typed", **given):
    """The names of a source that has no file, like a cell of a notebook or `python -`."""
    made = {"__name__": name, **given}
    exec(compile(source, "<stdin>", "exec"), made)
    return made


def written(folder, text):
    """The names of a file with this text."""
    file = folder / f"written_{fingerprint(text)[:8]}.py"
    file.write_text(text)
    names = {"__name__": "written"}
    exec(compile(text, file, "exec"), names)
    return names
