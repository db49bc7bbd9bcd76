//! Frames of streams: where inputs come from, what becomes of outputs.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hailo_linux::hef::Layer;
use hailo_linux::npy::Array;
use hailo_linux::transform::{ElementType, Format, InputTransform, OutputTransform, TransformError};

use crate::failure::Failure;

/// What elements are on the user's side.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// As in the model
    Auto,
    #[value(alias = "u8")]
    Uint8,
    #[value(alias = "u16")]
    Uint16,
    /// Quantised and dequantised here
    #[value(alias = "f32")]
    Float32,
}

impl Kind {
    fn of(self, layer: &Layer) -> ElementType {
        match self {
            Self::Auto => layer.tensor.kind,
            Self::Uint8 => ElementType::U8,
            Self::Uint16 => ElementType::U16,
            Self::Float32 => ElementType::F32,
        }
    }
}

/// The type as NumPy and JSON call it.
pub(super) fn kind_name(kind: ElementType) -> &'static str {
    match kind {
        ElementType::U8 => "uint8",
        ElementType::U16 => "uint16",
        ElementType::F32 => "float32",
    }
}

/// The sizes of the dimensions of one frame.
fn dimensions(format: &Format) -> Vec<usize> {
    let shape = format.shape;
    vec![shape.height, shape.width, shape.features]
}

/// A number sequence that looks random: bytes of generated frames.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The frames of one input, as the user has them and as the device gets them.
pub(super) struct Input {
    pub(super) name: String,
    /// None where frames are given as the device has them, for want of a transform.
    transform: Option<InputTransform>,
    /// Bytes of a frame on the device's side.
    pub(super) device_size: usize,
    /// Bytes of a frame in `frames`.
    size: usize,
    /// Frames one after the other; at least one.
    frames: Vec<u8>,
    pub(super) source: Option<PathBuf>,
}

impl Input {
    /// The input of a layer, from a file or generated.
    pub(super) fn new(layer: &Layer, kind: Kind, file: Option<&Path>) -> Result<Self, Failure> {
        let name = layer.tensor.name.clone();
        let refused = |error: &dyn std::fmt::Display| match file {
            Some(file) => Failure::new(format_args!("input {name}, {}: {error}", file.display())),
            None => Failure::new(format_args!("input {name}: {error}")),
        };
        let is_array = |file: &&Path| file.extension().is_some_and(|extension| extension == "npy");
        let array = file.filter(is_array).map(Array::read).transpose();
        // The error names the file.
        let array = array.map_err(|error| Failure::new(format_args!("input {name}: {error}")))?;
        let kind = array.as_ref().map_or(kind.of(layer), Array::kind);
        let tensor = &layer.tensor;
        let (user, device) = (tensor.user_format(kind), tensor.device_format());
        let device_size = layer.transfer_size as usize;
        let (transform, format, size) = match InputTransform::new(user, device, &tensor.quantization) {
            Ok(transform) => {
                let size = transform.user_size();
                (Some(transform), user, size)
            }
            // How frames of this order are padded, nobody has seen yet.
            Err(TransformError::Orders { .. } | TransformError::Shapes { .. }) if kind == tensor.kind => {
                (None, device, device.shape.elements().map_or(device_size, |elements| elements * kind.size()))
            }
            Err(error) => return Err(refused(&error)),
        };
        let frames = match (&array, file) {
            (Some(array), _) => {
                check_shape(array, &format).map_err(|error| refused(&error))?;
                array.data().to_vec()
            }
            (None, Some(file)) => std::fs::read(file).map_err(|error| Failure::file("read", file, &error))?,
            (None, None) => generated(kind, size, layer.stream_index),
        };
        if frames.is_empty() || !frames.len().is_multiple_of(size) {
            let whose = if transform.is_some() { "" } else { ", as the device has them" };
            return Err(match frames.len() {
                0 => refused(&format_args!("there is no frame in it, of {size} bytes ({format}{whose})")),
                given => refused(&format_args!(
                    "{given} bytes are no whole number of frames of {size} bytes ({format}{whose})"
                )),
            });
        }
        Ok(Self { name, transform, device_size, size, frames, source: file.map(Path::to_owned) })
    }

    /// How many different frames there are.
    pub(super) fn count(&self) -> u64 {
        (self.frames.len() / self.size) as u64
    }

    /// Makes the device's form of a frame; after the last one the first comes again.
    pub(super) fn fill(&self, number: u64, device: &mut [u8]) -> Result<(), Failure> {
        let frame = (number % self.count()) as usize;
        let user = &self.frames[frame * self.size..][..self.size];
        let Some(transform) = &self.transform else {
            // Whole words are transferred.
            let (frame, rest) = device.split_at_mut(self.size.min(device.len()));
            frame.copy_from_slice(&user[..frame.len()]);
            rest.fill(0);
            return Ok(());
        };
        transform.apply(user, device).map_err(|error| Failure::new(format_args!("input {}: {error}", self.name)))
    }
}

/// The shape of an array must end in that of a frame, however many frames there are.
fn check_shape(array: &Array, format: &Format) -> Result<(), String> {
    let wanted = dimensions(format);
    // What a dimension of 1 adds or leaves away makes no difference.
    let trimmed = |shape: &[usize]| shape.iter().copied().filter(|size| *size != 1).collect::<Vec<_>>();
    let (given, frame) = (trimmed(array.shape()), trimmed(&wanted));
    if given == frame || given.get(1..).is_some_and(|rest| rest == frame) {
        return Ok(());
    }
    Err(format!("the array has the shape {:?}, a frame has {wanted:?}", array.shape()))
}

/// One frame that looks random.
fn generated(kind: ElementType, size: usize, seed: u8) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ u64::from(seed));
    match kind {
        // Values as an image has them.
        ElementType::F32 => (0..size / 4).flat_map(|_| f32::from(random.next() as u8).to_le_bytes()).collect(),
        _ => (0..size).map(|_| random.next() as u8).collect(),
    }
}

/// What becomes of the frames of one output.
pub(super) struct Output {
    pub(super) name: String,
    /// None where a frame stays as the device has it.
    transform: Option<OutputTransform>,
    kind: ElementType,
    shape: Vec<usize>,
    frame: Vec<u8>,
    /// All frames, if they are kept.
    kept: Option<Vec<u8>>,
}

impl Output {
    /// The output of a layer. `device_size` is what the device sends for a frame.
    pub(super) fn new(layer: &Layer, kind: Kind, device_size: usize, keep: bool) -> Result<Self, Failure> {
        let tensor = &layer.tensor;
        let name = tensor.name.clone();
        let refused = |error: &dyn std::fmt::Display| Failure::new(format_args!("output {name}: {error}"));
        // What is muxed or comes out of non-maximum suppression has no form but the device's.
        let plain = layer.mux.is_none() && tensor.nms.is_none();
        let user = tensor.user_format(kind.of(layer));
        let transform = match plain {
            true => Some(
                OutputTransform::new(user, tensor.device_format(), &tensor.quantization)
                    .map_err(|error| refused(&error))?,
            ),
            false if matches!(kind, Kind::Auto) => None,
            false => {
                return Err(refused(
                    &"it is muxed or boxes, of which only the device's form is to be had; leave --type away",
                ));
            }
        };
        let (kind, shape, size) = match &transform {
            Some(transform) => (user.kind, dimensions(&user), transform.user_size()),
            None => (ElementType::U8, vec![device_size], device_size),
        };
        // What the transform takes must be what comes.
        if let Some(transform) = transform.as_ref().filter(|transform| transform.device_size() != device_size) {
            let expected = transform.device_size();
            return Err(refused(&format_args!("the device sends {device_size} bytes, the format has {expected}")));
        }
        let product: usize = shape.iter().product();
        // Formats that are no box of numbers are kept as a line of them.
        let shape = if product * kind.size() == size { shape } else { vec![size / kind.size()] };
        Ok(Self { name, transform, kind, shape, frame: vec![0; size], kept: keep.then(Vec::new) })
    }

    /// Takes a frame as the device sent it.
    pub(super) fn take(&mut self, device: &[u8]) -> Result<(), Failure> {
        match &self.transform {
            Some(transform) => transform
                .apply(device, &mut self.frame)
                .map_err(|error| Failure::new(format_args!("output {}: {error}", self.name)))?,
            None => self.frame.copy_from_slice(device),
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&self.frame);
        }
        Ok(())
    }

    pub(super) fn kind(&self) -> ElementType {
        self.kind
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Writes all frames that were kept; gives the path.
    pub(super) fn write(&mut self, directory: &Path, raw: bool) -> Result<Option<PathBuf>, Failure> {
        let Some(kept) = self.kept.take() else { return Ok(None) };
        // Names of streams have slashes.
        let stem: String = self.name.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
        let path = directory.join(format!("{stem}.{}", if raw { "raw" } else { "npy" }));
        if raw {
            std::fs::write(&path, &kept).map_err(|error| Failure::file("write", &path, &error))?;
            return Ok(Some(path));
        }
        let mut shape = vec![kept.len() / self.frame.len().max(1)];
        shape.extend(&self.shape);
        let array =
            Array::new(self.kind, shape, kept).map_err(|error| Failure::new(format_args!("{}: {error}", self.name)))?;
        array.write(&path).map_err(Failure::new)?;
        Ok(Some(path))
    }
}
