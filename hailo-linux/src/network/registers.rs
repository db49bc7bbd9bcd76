//! How a stream's memory in the device is filled and emptied: bytes per buffer, buffers per frame.

use hailo_abi::firmware::actions::StreamRegisters;
use hailo_abi::firmware::control::HwConsts;

use super::options::PowerMode;
use crate::hef::{Connection, Features, Layer, Refusal};
use crate::transform::Direction;

/// The words in which a stream's memory is moved, in bytes.
const WORD: u64 = 8;
/// Bytes that one buffer may have at most.
const MAX_BUFFER: u64 = 65536;
/// Buffers that a frame may have at most.
const MAX_BUFFERS: u64 = 65535;
/// Rows that are kept in the host's memory are whole multiples of it, in bytes.
pub(super) const DDR_ROW: u64 = 512;

/// What a device's constants and a model's features say about all layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams<'a> {
    pub(super) features: &'a Features,
    pub(super) constants: &'a HwConsts,
    pub(super) power_mode: PowerMode,
}

/// Bytes per buffer and buffers per frame on the host's side.
#[derive(Clone, Copy)]
struct Periph {
    bytes: u64,
    buffers: u64,
}

impl Streams<'_> {
    /// The size of a layer's memory in the device in bytes, which is also the number of its credits at first.
    pub(super) fn stream_size(&self, layer: &Layer) -> u32 {
        match layer.max_shmifo_size {
            0 => self.constants.default_initial_credit_size,
            size => size,
        }
    }

    /// The registers of a layer behind which a descriptor list with pages of `page` bytes stands.
    pub(super) fn registers(&self, layer: &Layer, page: u16) -> Result<StreamRegisters, Refusal> {
        self.calculate(layer, page.into())
            .map_err(|refusal| refusal.within(format_args!("layer `{}`", layer.tensor.name)))
    }

    fn calculate(&self, layer: &Layer, page: u64) -> Result<StreamRegisters, Refusal> {
        let stream = u64::from(self.stream_size(layer));
        if page >= stream {
            return Err(Refusal::argument(format!(
                "pages of {page} bytes for a stream whose memory has {stream} bytes"
            )));
        }
        let shape = layer.tensor.hw_shape;
        let row =
            (shape.width as u64).saturating_mul(shape.features as u64).saturating_mul(layer.tensor.kind.size() as u64);
        let mut frame = row.saturating_mul(shape.height as u64);
        let mut padding = (0, 0);
        let is_nms = layer.tensor.nms.is_some();
        if self.features.core_padding_in_file && !is_nms && !frame.is_multiple_of(WORD) {
            let payload = u16::try_from(frame).ok().filter(|payload| *payload != u16::MAX).ok_or_else(|| {
                Refusal::argument(format!("a frame of {frame} bytes cannot be padded to a multiple of {WORD}"))
            })?;
            let padded = frame.next_multiple_of(WORD);
            padding = (payload.into(), (padded - frame) as u16);
            frame = padded;
        }
        let is_ddr = matches!(layer.connection, Connection::Ddr { .. });
        let mut periph = match &layer.tensor.nms {
            Some(nms) => Periph {
                bytes: nms.burst_bytes().into(),
                buffers: u64::from(nms.transfer_size) / u64::from(nms.burst_bytes()),
            },
            None if is_ddr => ddr(layer, row, stream)?,
            None => plain(row, frame, stream, page)?,
        };
        let word = u64::from(self.constants.fifo_word_granularity_bytes);
        if word == 0 || !periph.bytes.is_multiple_of(word) {
            return Err(Refusal::internal(format!(
                "buffers of {} bytes do not consist of words of {word} bytes",
                periph.bytes
            )));
        }
        if self.constants.should_optimize_credits.get() && self.power_mode == PowerMode::Performance && !is_ddr {
            periph = self.optimized(periph, word);
        }
        let outbound = i64::from(self.constants.outbound_data_stream_size) - WORD as i64 - page as i64;
        if layer.direction == Direction::Output && periph.bytes as i64 > outbound {
            return Err(Refusal::internal(format!(
                "buffers of {} bytes, an output can have {outbound} at most",
                periph.bytes
            )));
        }
        let narrow = |value: u64, what: &str| {
            u16::try_from(value).map_err(|_| Refusal::invalid(format!("{value} {what} of a stream do not fit 16 bits")))
        };
        Ok(StreamRegisters {
            core_bytes_per_buffer: layer.core_bytes_per_buffer,
            core_buffers_per_frame: layer.core_buffers_per_frame,
            periph_bytes_per_buffer: narrow(periph.bytes, "bytes per buffer")?,
            periph_buffers_per_frame: narrow(periph.buffers, "buffers per frame")?.into(),
            feature_padding_payload: layer.feature_padding_payload,
            buffer_padding_payload: padding.0,
            buffer_padding: padding.1,
            is_core_hw_padding_config_in_dfc: self.features.core_padding_in_file.into(),
            ..StreamRegisters::default()
        })
    }

    /// Fewer and larger buffers, as far as the device takes them.
    fn optimized(&self, periph: Periph, word: u64) -> Periph {
        let total = periph.bytes * periph.buffers;
        let most = u64::from(self.constants.max_periph_buffers_per_frame);
        let largest = u64::from(self.constants.max_periph_bytes_per_buffer);
        let acceptable = u64::from(self.constants.max_acceptable_bytes_per_buffer);
        let first = total.div_ceil(acceptable.max(periph.bytes));
        let found = (first..total.min(most)).find(|buffers| {
            // A frame without any bytes has no first buffer either.
            *buffers != 0 && (total / word).is_multiple_of(*buffers) && total / buffers <= largest
        });
        let buffers = match found {
            Some(buffers) => buffers,
            None if most < total => periph.buffers,
            None => total,
        };
        Periph { bytes: total / buffers, buffers }
    }
}

/// The largest buffer of whole words, at most a row, that divides the frame and fits the stream's memory beside a page.
fn plain(row: u64, frame: u64, stream: u64, page: u64) -> Result<Periph, Refusal> {
    let most = row.checked_next_multiple_of(WORD).unwrap_or(u64::MAX).min(MAX_BUFFER).min(stream);
    let bytes = descending(most, WORD)
        .find(|bytes| *bytes < stream - page && frame.is_multiple_of(*bytes))
        .ok_or_else(|| {
            Refusal::argument(format!(
                "a frame of {frame} bytes in rows of {row} cannot be divided into equal buffers of whole words"
            ))
        })?;
    Ok(Periph { bytes, buffers: (frame / bytes).min(MAX_BUFFERS) })
}

/// The same for rows that are kept in the host's memory.
fn ddr(layer: &Layer, row: u64, stream: u64) -> Result<Periph, Refusal> {
    let core = u64::from(layer.core_bytes_per_buffer);
    let most = row.checked_next_multiple_of(DDR_ROW).unwrap_or(u64::MAX).min(MAX_BUFFER).min(stream);
    let bytes =
        descending(most, DDR_ROW).find(|bytes| *bytes < stream && core.is_multiple_of(*bytes)).ok_or_else(|| {
            Refusal::argument(format!(
                "rows of {core} bytes that are kept in the host's memory cannot be divided into multiples of {DDR_ROW}"
            ))
        })?;
    Ok(Periph { bytes, buffers: (core * u64::from(layer.core_buffers_per_frame) / bytes).min(MAX_BUFFERS) })
}

/// The multiples of `step` from `most` downwards, without 0.
fn descending(most: u64, step: u64) -> impl Iterator<Item = u64> {
    (1..=most / step).rev().map(move |multiple| multiple * step)
}
