# tests/truth/tree.py - reading a mounted tree, and counting what differs from what was expected.
import os


class Tree:
    """A mount, read as a user would read it. A file that cannot be read gives an `<errno ...>` text."""

    def __init__(self, root):
        self.root = os.fspath(root)

    def path(self, relative):
        return os.path.join(self.root, relative)

    def read(self, relative):
        try:
            with open(self.path(relative), "rb") as file:
                return file.read().decode("utf-8")
        except OSError as error:
            return f"<errno {error.strerror}>"
        except UnicodeDecodeError:
            return "<not UTF-8>"

    def value(self, relative):
        """A one-value file without its newline."""
        text = self.read(relative)
        return text[:-1] if text.endswith("\n") else text + "<no newline>"

    def exists(self, relative):
        return os.path.lexists(self.path(relative))

    def names(self, relative):
        try:
            return sorted(os.listdir(self.path(relative)))
        except OSError as error:
            return [f"<errno {error.strerror}>"]

    def facts(self, relative):
        """Key -> value of a facts file; of a key that comes twice, the first."""
        ret = {}
        for line in self.read(relative).splitlines():
            key, separator, value = line.partition(":\t")
            ret.setdefault(key if separator else line, value if separator else "<no key>")
        return ret

    def table(self, relative):
        text = self.read(relative)
        return [line.split("\t") for line in text.split("\n")[:-1]] if text else []

    def xattr(self, relative, name):
        try:
            return os.getxattr(self.path(relative), name, follow_symlinks=False).decode()
        except OSError as error:
            return f"<errno {error.strerror}>"


class Report:
    def __init__(self, limit, excuses=(), missing_ok=()):
        self.checks = 0
        self.differences = 0
        self.excused = 0
        self.limit = limit
        self.excuses = excuses  # patterns of paths that may differ
        self.missing_ok = missing_ok  # patterns of paths that may be missing, but not wrong

    def same(self, path, expected, got):
        """One comparison; `path` may carry the name of a fact or a column."""
        self.checks += 1
        if expected == got:
            return True
        missing = "<not-in-dump>" in str(got) and any(p.search(path) for p in self.missing_ok)
        if missing or any(pattern.search(path) for pattern in self.excuses):
            self.excused += 1
            return False
        self.differences += 1
        if self.differences <= self.limit:
            print(f"{path}\n  expected {shorten(expected)}\n  got      {shorten(got)}")
        return False

    def one_of(self, path, allowed, got):
        if got in allowed:
            self.checks += 1
            return True
        return self.same(path, " or ".join(map(str, allowed)), got)

    def text(self, path, expected, got):
        """Many lines: reports the first that differs."""
        if expected == got:
            self.checks += 1
            return True
        want, have = expected.split("\n"), got.split("\n")
        for i, line in enumerate(want):
            if i >= len(have) or have[i] != line:
                return self.same(f"{path}:{i + 1}", line, have[i] if i < len(have) else "<end>")
        return self.same(f"{path}:{len(want) + 1}", "<end>", have[len(want)])


def shorten(value, limit=300):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[:limit] + "..."
