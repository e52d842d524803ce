"""What ./dev runs: disposable Debian hosts, the demo, and all the tests. Standard library only."""
