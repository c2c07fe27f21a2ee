"""Version of qembed: in `--version`, in manifests and between a server and its clients."""

__version__ = "0.1.0"
