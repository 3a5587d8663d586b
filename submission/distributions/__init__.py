"""Densities on manifolds in the style of torch.distributions; independent of images and training."""

from submission.distributions.embedded_torus import EmbeddedTorusBrownian, EmbeddedTorusUniform
from submission.distributions.flat_torus import TorusBrownian, TorusUniform
from submission.distributions.independent_subspaces import IndependentSubspaces
from submission.distributions.power_spherical import PowerSpherical
from submission.distributions.projective import ProjectiveBrownian, ProjectiveUniform
from submission.distributions.rotation import (
    RotationBrownian,
    RotationUniform,
    matrix_to_quaternion,
    nearest_rotation,
    quaternion_to_matrix,
)
from submission.distributions.sphere import SphereBrownian, SphereUniform
from submission.distributions.von_mises_fisher import VonMisesFisher

__all__ = [
    "EmbeddedTorusBrownian",
    "EmbeddedTorusUniform",
    "IndependentSubspaces",
    "PowerSpherical",
    "ProjectiveBrownian",
    "ProjectiveUniform",
    "RotationBrownian",
    "RotationUniform",
    "SphereBrownian",
    "SphereUniform",
    "TorusBrownian",
    "TorusUniform",
    "VonMisesFisher",
    "matrix_to_quaternion",
    "nearest_rotation",
    "quaternion_to_matrix",
]
