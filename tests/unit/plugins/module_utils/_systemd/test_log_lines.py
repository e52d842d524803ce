"""An app's last words are not drowned in those of gunicorn."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

PACKAGES = "/var/www/shop/environments/0123/lib/python3.13/site-packages"

DEATH_OF_A_WORKER = f"""\
[2026-11-20 15:14:07 +0000] [5400] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "{PACKAGES}/gunicorn/arbiter.py", line 752, in spawn_worker
    worker.init_process()
  File "{PACKAGES}/gunicorn/app/base.py", line 67, in wsgi
    self.callable = self.load()
                    ^^^^^^^^^^^
  File "/usr/lib/python3.13/importlib/__init__.py", line 88, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
  File "<frozen importlib._bootstrap>", line 1387, in _gcd_import
  File "/var/www/shop/builds/4567/app.py", line 3, in <module>
    import no_such_module
ModuleNotFoundError: No module named 'no_such_module'
"""

DEATH_OF_THE_MASTER = f"""\
[2026-11-20 15:14:07 +0000] [5397] [ERROR] Worker (pid:5400) exited with code 3.
Traceback (most recent call last):
  File "{PACKAGES}/gunicorn/arbiter.py", line 683, in reap_workers
    raise HaltServer(reason, self.WORKER_BOOT_ERROR)
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
During handling of the above exception, another exception occurred:
Traceback (most recent call last):
  File "/var/www/shop/releases/89ab/venv/bin/gunicorn", line 8, in <module>
    sys.exit(run())
             ^^^^^
  File "{PACKAGES}/gunicorn/arbiter.py", line 683, in reap_workers
    raise HaltServer(reason, self.WORKER_BOOT_ERROR)
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
shop@89ab.service: Main process exited, code=exited, status=1/FAILURE
"""


def test_of_a_failed_boot_the_apps_own_lines_remain() -> None:
    assert find_last_words(DEATH_OF_A_WORKER + DEATH_OF_THE_MASTER, 20) == [
        "[2026-11-20 15:14:07 +0000] [5400] [ERROR] Exception in worker process",
        "Traceback (most recent call last):",
        '  File "/var/www/shop/builds/4567/app.py", line 3, in <module>',
        "    import no_such_module",
        "ModuleNotFoundError: No module named 'no_such_module'",
        "[2026-11-20 15:14:07 +0000] [5397] [ERROR] Worker (pid:5400) exited with code 3.",
        "shop@89ab.service: Main process exited, code=exited, status=1/FAILURE",
    ]


def test_other_lines_remain_and_the_last_ones_count() -> None:
    assert find_last_words("one\n  two\n    three\nfour\n", 3) == ["  two", "    three", "four"]
    assert find_last_words("", 3) == []


def test_long_lines_are_cut_so_that_an_app_cannot_fill_a_message() -> None:
    assert find_last_words(f"{'x' * 300}\n{'y' * 301}\n", 3) == ["x" * 300, "y" * 300 + "…"]


def test_equal_lines_that_follow_each_other_are_one_and_push_nothing_out() -> None:
    assert find_last_words("why\n" + "again\n" * 20 + "end\nagain\n", 4) == ["why", "again (20 times)", "end", "again"]


def test_the_word_by_which_an_app_calls_a_service_is_not_among_them() -> None:
    url = f"http://shop:{'0123abcd' * 8}@127.79.1.2:790/images"
    assert find_last_words(f"500 Server Error for url: {url}\n", 5) == ["500 Server Error for url: http://shop:…@127.79.1.2:790/images"]
