"""The entrance for programs: JSON over HTTP."""
