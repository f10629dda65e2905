"""pyhf's patch sets."""

from collections.abc import Iterator
from typing import Any

from hftranslate.formats.json_patch import patched
from hftranslate.pyhf import exceptions, schema
from hftranslate.pyhf.workspace import Workspace
from hftranslate.signal_grid import document


class Patch(list[Any]):
    """The operations of one patch, with the name and the values of its point."""

    def __init__(self, spec: Any) -> None:
        super().__init__(spec["patch"])
        self.metadata = spec["metadata"]
        self.name, self.values = self.metadata["name"], tuple(self.metadata["values"])

    def __repr__(self) -> str:
        return f"<{__name__}.Patch object '{self.name}{self.values}' at {hex(id(self))}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patch) and list.__eq__(self, other) and self.metadata == other.metadata

    def apply(self, obj: Any) -> Any:
        """A document with the patch; the one given stays as it is."""
        return patched(obj, self)


class PatchSet:
    """The patches of one workspace, by their names and by their values."""

    def __init__(self, spec: Any, **config_kwargs: Any) -> None:
        self.schema = config_kwargs.pop("schema", "patchset.json")
        self.version = config_kwargs.pop("version", spec.get("version"))
        schema.validate(spec, self.schema, version=self.version)
        self._ours = document.from_document(schema.plain(spec))
        self.metadata, self.patches = spec["metadata"], [Patch(p) for p in spec["patches"]]
        self.references, self.description = self.metadata["references"], self.metadata["description"]
        self.digests, self.labels = self.metadata["digests"], self.metadata["labels"]
        self._by_key: dict[Any, Patch] = {key: patch for patch in self.patches for key in (patch.name, patch.values)}

    def __repr__(self) -> str:
        return f"<{__name__}.PatchSet object with {len(self)} patch{'es' * (len(self) != 1)} at {hex(id(self))}>"

    def __getitem__(self, key: Any) -> Patch:
        key = tuple(key) if isinstance(key, list) else key
        if key not in self._by_key:
            raise exceptions.InvalidPatchLookup(f'No patch associated with "{key}" is defined in patchset.')
        return self._by_key[key]

    def __iter__(self) -> Iterator[Patch]:
        return iter(self.patches)

    def __len__(self) -> int:
        return len(self.patches)

    def verify(self, spec: Any) -> None:
        """Refuse a workspace that the patches were not made for."""
        for mismatch in self._ours.mismatches(spec):
            raise exceptions.PatchSetVerificationError(f"The digest verification failed: {mismatch}")

    def apply(self, spec: Any, key: Any) -> Workspace:
        """The workspace with a patch, by its name or its values."""
        self.verify(spec)
        return Workspace(self[key].apply(dict(spec)))
