"""What a check is, and how one is shown to work."""

import dataclasses
from typing import Callable

from source_tree import SourceTree


@dataclasses.dataclass
class Check:
    """A rule for the whole tree, with trees that break it and trees that keep it.

    `find` takes a SourceTree and yields Findings. Each tree in `bad` and `good` is a dict of path
    to text, as small as shows the point.
    """

    name: str
    find: Callable
    bad: list
    good: list

    def self_test(self):
        """Complaints about the check itself: a rule that cannot fail proves nothing."""
        complaints = []
        for texts in self.bad:
            if not list(self.find(SourceTree(texts))):
                complaints.append(f"{self.name} overlooks {texts}")
        for texts in self.good:
            for finding in self.find(SourceTree(texts)):
                complaints.append(f"{self.name} objects to {texts}: {finding}")
        if not self.bad or not self.good:
            complaints.append(f"{self.name} has no example to show that it works")
        return complaints
