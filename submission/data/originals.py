"""Facts about the published data sets: where their files lie under the data root, and what their factors are called."""

from __future__ import annotations

DSPRITES_FILE = "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
SCREAM_FILE = "scream/scream.jpg"
SMALLNORB_FOLDER = "small_norb"
SMALLNORB_CHUNKS = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")
CARS3D_FOLDER = "cars"
SHAPES3D_FILE = "3dshapes/3dshapes.h5"
MPI3D_FILES = {
    "mpi3d_toy": "mpi3d_toy/mpi3d_toy.npz",
    "mpi3d_realistic": "mpi3d_realistic/mpi3d_realistic.npz",
    "mpi3d_real": "mpi3d_real/mpi3d_real.npz",
    "mpi3d_complex": "mpi3d_complex/real3d_complicated_shapes_ordered.npz",
}
FACES3D_FILE = "faces3d/basel_face_renders.pth"
MNIST_FOLDER = "mnist"
OMNIGLOT_FOLDER = "omniglot"
CALTECH_FILE = "caltech101_silhouettes/caltech101_silhouettes_28_split1.mat"

DSPRITES_FACTORS = "shape, scale, orientation, posX, posY"
CARS3D_FACTORS = "elevation, azimuth, object type"
FACES3D_FACTORS = "identity, azimuth, elevation, lighting"
MPI3D_FACTORS = (
    "object color, object shape, object size, camera height, background color, horizontal axis, vertical axis"
)
