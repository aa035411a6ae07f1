//! The published parameters: five severities of ImageNet-C, then five of CIFAR-C.

pub(super) const GAUSSIAN_NOISE: [f32; 10] =
    [0.08, 0.12, 0.18, 0.26, 0.38, 0.04, 0.06, 0.08, 0.09, 0.10];

/// Mean counts at white.
pub(super) const SHOT_NOISE: [f32; 10] =
    [60.0, 25.0, 12.0, 5.0, 3.0, 500.0, 250.0, 100.0, 75.0, 50.0];

/// Shares of values.
pub(super) const IMPULSE_NOISE: [f32; 10] =
    [0.03, 0.06, 0.09, 0.17, 0.27, 0.01, 0.02, 0.03, 0.05, 0.07];

/// Radius of the disk and deviation of the blur that softens its edge.
pub(super) const DEFOCUS_BLUR: [(f64, f64); 10] = [
    (3.0, 0.1),
    (4.0, 0.5),
    (6.0, 0.5),
    (8.0, 0.5),
    (10.0, 0.5),
    (0.3, 0.4),
    (0.4, 0.5),
    (0.5, 0.6),
    (1.0, 0.2),
    (1.5, 0.1),
];

/// Deviation, reach and number of shuffles.
pub(super) const GLASS_BLUR: [(f64, usize, usize); 10] = [
    (0.7, 1, 2),
    (0.9, 2, 1),
    (1.0, 2, 3),
    (1.1, 3, 2),
    (1.5, 4, 2),
    (0.05, 1, 1),
    (0.25, 1, 1),
    (0.4, 1, 1),
    (0.25, 1, 2),
    (0.4, 1, 2),
];

/// Radius and deviation.
pub(super) const MOTION_BLUR: [(u32, f32); 10] = [
    (10, 3.0),
    (15, 5.0),
    (15, 8.0),
    (15, 12.0),
    (20, 15.0),
    (6, 1.0),
    (6, 1.5),
    (6, 2.0),
    (8, 2.0),
    (9, 2.5),
];

/// How many factors, from 1, and their distance.
pub(super) const ZOOM_BLUR: [(u32, f64); 10] = [
    (12, 0.01),
    (16, 0.01),
    (11, 0.02),
    (13, 0.02),
    (11, 0.03),
    (7, 0.01),
    (12, 0.01),
    (16, 0.01),
    (21, 0.01),
    (26, 0.01),
];

/// Snow: mean and deviation of the flakes, their enlargement and threshold, radius and deviation of
/// their fall, and the image's weight against its whitened self.
pub(super) struct Snow {
    pub(super) mean: f32,
    pub(super) std: f32,
    pub(super) zoom: f64,
    pub(super) threshold: f32,
    pub(super) radius: u32,
    pub(super) sigma: f64,
    pub(super) weight: f32,
}

const fn snow(
    (mean, std, zoom): (f32, f32, f64),
    threshold: f32,
    fall: (u32, f64),
    weight: f32,
) -> Snow {
    Snow {
        mean,
        std,
        zoom,
        threshold,
        radius: fall.0,
        sigma: fall.1,
        weight,
    }
}

pub(super) const SNOW: [Snow; 10] = [
    snow((0.1, 0.3, 3.0), 0.5, (10, 4.0), 0.8),
    snow((0.2, 0.3, 2.0), 0.5, (12, 4.0), 0.7),
    snow((0.55, 0.3, 4.0), 0.9, (12, 8.0), 0.7),
    snow((0.55, 0.3, 4.5), 0.85, (12, 8.0), 0.65),
    snow((0.55, 0.3, 2.5), 0.85, (12, 12.0), 0.55),
    snow((0.1, 0.2, 1.0), 0.6, (8, 3.0), 0.95),
    snow((0.1, 0.2, 1.0), 0.5, (10, 4.0), 0.9),
    snow((0.15, 0.3, 1.75), 0.55, (10, 4.0), 0.9),
    snow((0.25, 0.3, 2.25), 0.6, (12, 6.0), 0.85),
    snow((0.3, 0.3, 1.25), 0.65, (14, 12.0), 0.8),
];

/// Weights of the image and of the frost.
pub(super) const FROST: [(f32, f32); 10] = [
    (1.0, 0.4),
    (0.8, 0.6),
    (0.7, 0.7),
    (0.65, 0.7),
    (0.6, 0.75),
    (1.0, 0.2),
    (1.0, 0.3),
    (0.9, 0.4),
    (0.85, 0.4),
    (0.75, 0.45),
];

/// Amount, and by how much each finer level of the fractal is weaker.
pub(super) const FOG: [(f32, f32); 10] = [
    (1.5, 2.0),
    (2.0, 2.0),
    (2.5, 1.7),
    (2.5, 1.5),
    (3.0, 1.4),
    (0.2, 3.0),
    (0.5, 3.0),
    (0.75, 2.5),
    (1.0, 2.0),
    (1.5, 1.75),
];

/// Added to the value in HSV.
pub(super) const BRIGHTNESS: [f32; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.05, 0.1, 0.15, 0.2, 0.3];

/// Factors.
pub(super) const CONTRAST: [f64; 10] = [0.4, 0.3, 0.2, 0.1, 0.05, 0.75, 0.5, 0.4, 0.3, 0.15];

/// Strength and deviation of the field in pixels, and jitter of the affine map, of which the
/// reference speaks as shares of 244 (of 32 for CIFAR-C) pixels.
pub(super) const ELASTIC_TRANSFORM: [(f32, f64, f32); 10] = [
    (488.0, 170.8, 24.4),
    (488.0, 19.52, 48.8),
    (12.2, 2.44, 4.88),
    (17.08, 2.44, 4.88),
    (29.28, 2.44, 4.88),
    (0.0, 0.0, 2.56),
    (1.6, 6.4, 2.24),
    (2.56, 1.92, 1.92),
    (3.2, 1.28, 1.6),
    (3.2, 0.96, 0.96),
];

/// Shares of the sides.
pub(super) const PIXELATE: [f64; 10] = [0.6, 0.5, 0.4, 0.3, 0.25, 0.95, 0.9, 0.85, 0.75, 0.65];

pub(super) const JPEG_COMPRESSION: [u8; 10] = [25, 18, 15, 10, 7, 80, 65, 58, 50, 40];

pub(super) const SPECKLE_NOISE: [f32; 10] =
    [0.15, 0.2, 0.35, 0.45, 0.6, 0.06, 0.1, 0.12, 0.16, 0.2];

pub(super) const GAUSSIAN_BLUR: [f64; 10] = [1.0, 2.0, 3.0, 4.0, 6.0, 0.4, 0.6, 0.7, 0.8, 1.0];

/// Splashes: mean and deviation of the liquid, its blur and threshold, the strength (of mud: the
/// blur of its edge).
pub(super) struct Spatter {
    pub(super) mean: f32,
    pub(super) std: f32,
    pub(super) sigma: f64,
    pub(super) threshold: f32,
    pub(super) strength: f64,
    pub(super) mud: bool,
}

const fn spatter(
    (mean, std, sigma): (f32, f32, f64),
    threshold: f32,
    strength: f64,
    mud: bool,
) -> Spatter {
    Spatter {
        mean,
        std,
        sigma,
        threshold,
        strength,
        mud,
    }
}

pub(super) const SPATTER: [Spatter; 10] = [
    spatter((0.65, 0.3, 4.0), 0.69, 0.6, false),
    spatter((0.65, 0.3, 3.0), 0.68, 0.6, false),
    spatter((0.65, 0.3, 2.0), 0.68, 0.5, false),
    spatter((0.65, 0.3, 1.0), 0.65, 1.5, true),
    spatter((0.67, 0.4, 1.0), 0.65, 1.5, true),
    spatter((0.62, 0.1, 0.7), 0.7, 0.5, false),
    spatter((0.65, 0.1, 0.8), 0.7, 0.5, false),
    spatter((0.65, 0.3, 1.0), 0.69, 0.5, false),
    spatter((0.65, 0.1, 0.7), 0.69, 0.6, true),
    spatter((0.65, 0.1, 0.5), 0.68, 0.6, true),
];

/// Factor and summand of the saturation in HSV.
pub(super) const SATURATE: [(f32, f32); 10] = [
    (0.3, 0.0),
    (0.1, 0.0),
    (2.0, 0.0),
    (5.0, 0.1),
    (20.0, 0.2),
    (0.3, 0.0),
    (0.1, 0.0),
    (1.5, 0.0),
    (2.0, 0.1),
    (2.5, 0.2),
];
