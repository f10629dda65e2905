"""ROOT started once: what asks for a Python with ROOT gets a fork of a process in which ROOT is warm.

ROOT takes seconds to start and to compile what it needs, and most of what tests ask it takes a tenth of one. Run as a
script, this file is that process: it does once what is asked most, and then answers at a socket, each time in a fork of
itself, so that no question knows of another one. A small program, which takes the place of the Python, hands over its
arguments, working folder, environment and standard streams, and ends with the status of the fork.
"""

import ast
import io
import os
import runpy
import select
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[1]
_SCRIPTS = _REPOSITORY / "validation" / "make_reference"
_CASE = _REPOSITORY / "validation" / "cases" / "normfactor"
_PROGRAM = """#!{python} -IS
import os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    socket.send_fds(asked, [b"?"], [0, 1, 2])
    asked.sendall(repr((sys.argv[1:], os.getcwd(), dict(os.environ))).encode())
    asked.shutdown(socket.SHUT_WR)
    sys.exit(int(asked.recv(8) or b"70"))
"""


@contextmanager
def warm_python(python: str) -> Iterator[str]:
    """A program that does what a Python with ROOT does, for as long as the ``with`` lasts."""
    with tempfile.TemporaryDirectory(prefix="warm-root-") as folder:  # addresses of sockets are short
        address, program = f"{folder}/socket", Path(folder) / "python"
        program.write_text(_PROGRAM.format(python=sys.executable, address=address))
        program.chmod(0o755)
        command = [python, "-W", "ignore", __file__, address, str(program)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"warm\n"
            yield str(program)


def _serve(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("warm", flush=True)
        while listening in select.select([listening, sys.stdin], [], [])[0]:  # nobody writes to stdin: it is closed
            asked, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                status = _answer(asked)
                sys.stdout.flush()
                sys.stderr.flush()
                asked.sendall(str(status).encode())
                os._exit(0)
            asked.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _answer(asked: socket.socket) -> int:
    """Be the Python that was called; the exit status."""
    _, streams, _, _ = socket.recv_fds(asked, 1, 3)
    arguments, folder, environment = ast.literal_eval(asked.makefile().read())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    while arguments[0] == "-W":
        del arguments[:2]
    paths = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
    try:
        if arguments[0] == "-c":
            sys.argv = ["-c", *arguments[2:]]
            sys.path[:1] = ["", *paths]
            exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = arguments
            sys.path[:1] = [str(Path(arguments[0]).resolve().parent), *paths]
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as stop:
        if stop.code is not None and not isinstance(stop.code, int):
            print(stop.code, file=sys.stderr)
            return 1
        return stop.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _warm_up() -> None:
    sys.path.insert(1, str(_SCRIPTS))
    import of_file
    import root_workspaces

    model = str(_CASE / "model.xml")
    given = [model, "--kind", "xml", "--basedir", str(_CASE), "--measurement", "measurement"]
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(io.StringIO()):
        of_file.main([*given, "-o", f"{folder}/reference.json"])
        written, alone = f"{folder}/0/model_combined_measurement_model.root", f"{folder}/alone"
        root_workspaces.main(["write", model, "-o", folder])
        root_workspaces.main(["alone", written, "-o", alone])
        root_workspaces.main(["nll", written, f"{alone}/0.root", "-o", f"{folder}/nll.json"])


if __name__ == "__main__":
    _warm_up()
    sys.executable = sys.argv[2]
    _serve(sys.argv[1])
