//! Reads edge layers from the description.

use super::error::{LibraryStatus, Refusal, decode};
use super::features::Features;
use super::layer::{Connection, Layer, Mux, MuxPart, Planes, PlanesFormat, Tensor};
use super::nms::Nms;
use super::proto_layers as proto;
use crate::transform::{Direction, ElementType, FormatOrder, QuantInfo, Shape};

/// The longest name of a stream.
const MAX_NAME: usize = 127;
/// How deep muxed outputs may stand within each other; compilers make one level, or two.
const MAX_MUX_DEPTH: usize = 16;
/// Frames take a multiple of it, in bytes.
const TRANSFER_ALIGNMENT: u64 = 8;

/// `value` in a smaller type, or what does not fit.
fn fit<T: TryFrom<u64>>(value: impl Into<u64>, what: &str) -> Result<T, Refusal> {
    let value = value.into();
    T::try_from(value)
        .map_err(|_| Refusal::invalid(format!("{what} {value} does not fit {} bits", 8 * std::mem::size_of::<T>())))
}

/// What decoding a layer needs to know of the model around it.
pub(super) struct LayerReader<'a> {
    pub(super) features: &'a Features,
    /// Whether all layers are transposed.
    pub(super) transposed: bool,
    /// How many networks there are.
    pub(super) networks: usize,
}

/// What an edge layer of a file stands for: one layer, or several and a name for them together.
pub(super) struct Decoded {
    pub(super) layers: Vec<Layer>,
    pub(super) planes: Option<Planes>,
}

impl LayerReader<'_> {
    /// Decodes one entry of a context's list.
    pub(super) fn decode(&self, message: &proto::EdgeLayer) -> Result<Decoded, Refusal> {
        let name = match &message.edge {
            Some(proto::EdgeKind::LayerInfo(info)) => &info.name,
            Some(proto::EdgeKind::LayerMux(mux)) => &mux.name,
            Some(proto::EdgeKind::LayerPlanes(planes)) => &planes.name,
            None => return Err(Refusal::invalid("a layer of unknown kind")),
        };
        self.kinds(message).map_err(|refusal| refusal.within(format_args!("layer `{name}`")))
    }

    fn kinds(&self, message: &proto::EdgeLayer) -> Result<Decoded, Refusal> {
        let direction = match message.direction {
            0 => Direction::Input,
            1 => Direction::Output,
            other => return Err(Refusal::invalid(format!("unknown direction {other}"))),
        };
        let connection = connection(message)?;
        let network = self.network(message.network_index)?;
        let boundary = connection == Connection::Boundary;
        match (message.edge_layer_type, &message.edge) {
            (0, Some(proto::EdgeKind::LayerInfo(info))) => {
                Ok(Decoded { layers: vec![self.layer(info, direction, connection, network)?], planes: None })
            }
            (1, Some(proto::EdgeKind::LayerMux(mux))) if boundary && direction == Direction::Output => {
                let base = base(mux.edge_layer_base.as_ref())?;
                let tensor = self.tensor(&mux.name, &mux.original_names, base, None, false, false)?;
                let mut layer = self.with_base(tensor, base, direction, connection, network)?;
                layer.mux = Some(self.mux(mux, 0)?);
                Ok(Decoded { layers: vec![layer], planes: None })
            }
            (2, Some(proto::EdgeKind::LayerPlanes(planes))) if boundary && direction == Direction::Input => {
                self.planes(planes, network)
            }
            (kind @ 0..=2, Some(_)) => Err(Refusal::invalid(format!(
                "a layer of type {kind} whose contents or place are those of another type"
            ))),
            (other, _) => Err(Refusal::invalid(format!("a layer of unknown type {other}"))),
        }
    }

    fn network(&self, index: u32) -> Result<u8, Refusal> {
        if !self.features.multi_network {
            return Ok(0);
        }
        if index as usize >= self.networks {
            return Err(Refusal::argument(format!("it belongs to network {index} of {}", self.networks)));
        }
        fit(index, "network index")
    }

    fn layer(
        &self,
        info: &proto::EdgeLayerInfo,
        direction: Direction,
        connection: Connection,
        network: u8,
    ) -> Result<Layer, Refusal> {
        let base = base(info.edge_layer_base.as_ref())?;
        if base.buffer_indices.len() != 1 {
            return Err(Refusal::invalid(format!("{} buffers in the core instead of one", base.buffer_indices.len())));
        }
        let host_pads = connection == Connection::Boundary && self.host_sets_core_padding(base);
        let tensor = self.tensor(
            &info.name,
            &info.original_names,
            base,
            Some((info.numeric_info.as_ref(), direction)),
            info.transposed,
            host_pads,
        )?;
        let mut layer = self.with_base(tensor, base, direction, connection, network)?;
        if host_pads {
            layer.feature_padding_payload =
                fit(u64::from(base.width) * u64::from(base.data_bytes), "bytes of a row before padding")?;
        }
        Ok(layer)
    }

    /// Whether the padding of the core is not in the file (as it is not in old ones) and must come from the host.
    fn host_sets_core_padding(&self, base: &proto::EdgeLayerBase) -> bool {
        /// What the stream's memory in the device may have at most.
        const MOST: u32 = 65536;
        let most = match base.max_shmifo_size {
            0 => MOST,
            size => size.min(MOST),
        };
        let row = u64::from(base.width) * u64::from(base.features);
        !self.features.core_padding_in_file
            && FormatOrder::from_edge_layer(base.format) == Some(FormatOrder::Nhcw)
            && base.core_buffers_per_frame == base.height
            && row.is_multiple_of(TRANSFER_ALIGNMENT)
            && row.saturating_mul(u64::from(base.data_bytes)) < u64::from(most)
    }

    /// `numeric` is `None` where a muxed whole has no numbers of its own.
    fn tensor(
        &self,
        name: &str,
        original_names: &[String],
        base: &proto::EdgeLayerBase,
        numeric: Option<(Option<&proto::EdgeLayerNumericInfo>, Direction)>,
        transposed: bool,
        host_pads: bool,
    ) -> Result<Tensor, Refusal> {
        if name.len() > MAX_NAME {
            return Err(Refusal::internal(format!("a name of {} bytes, the longest has {MAX_NAME}", name.len())));
        }
        if base.host_argmax {
            return Err(Refusal::unsupported("the old way of leaving an argmax to the host"));
        }
        let kind = match base.data_bytes {
            1 => ElementType::U8,
            2 => ElementType::U16,
            other => {
                return Err(Refusal::argument(format!("values of {other} bytes; 1 and 2 are supported")));
            }
        };
        let order = FormatOrder::from_edge_layer(base.format)
            .ok_or_else(|| Refusal::internal(format!("data in unknown order {}", base.format)))?;
        let plain = shape(base.height, base.width, base.features)?;
        let hw_shape =
            if host_pads { plain } else { shape(base.padded_height, base.padded_width, base.padded_features)? };
        let nms = (order == FormatOrder::NmsOnChip).then(|| Nms::new(base, self.features)).transpose()?;
        let transposed = (transposed || self.transposed) && order != FormatOrder::Nc;
        let shape = match &nms {
            Some(nms) => nms.shape()?,
            None if transposed => Shape { height: plain.width, width: plain.height, ..plain },
            None => plain,
        };
        let quantization = match numeric {
            Some((info, direction)) => {
                let features = if nms.is_some() { 2 } else { shape.features };
                self.quantization(info, direction, features)?
            }
            None => Vec::new(),
        };
        Ok(Tensor {
            name: name.to_owned(),
            original_names: original_names.to_vec(),
            order,
            kind,
            shape,
            hw_shape,
            transposed,
            quantization,
            nms,
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "the library computes with f32 as well")]
    fn quantization(
        &self,
        info: Option<&proto::EdgeLayerNumericInfo>,
        direction: Direction,
        features: usize,
    ) -> Result<Vec<QuantInfo>, Refusal> {
        let info = info.cloned().unwrap_or_default();
        let limits =
            QuantInfo { zero_point: info.qp_zp, scale: info.qp_scale, min: info.limvals_min, max: info.limvals_max };
        if !self.features.output_scale_per_feature {
            return Ok(vec![limits]);
        }
        if info.qp_zps.len() != features || info.qp_scales.len() != features {
            return Err(Refusal::invalid(format!(
                "{} zero points and {} scales for {features} features",
                info.qp_zps.len(),
                info.qp_scales.len()
            )));
        }
        let per_feature: Vec<QuantInfo> = info
            .qp_zps
            .iter()
            .zip(&info.qp_scales)
            .map(|(zero_point, scale)| QuantInfo { zero_point: *zero_point as f32, scale: *scale as f32, ..limits })
            .collect();
        match direction {
            Direction::Output => Ok(per_feature),
            Direction::Input if per_feature.windows(2).all(|pair| matches!(pair, [a, b] if a == b)) => Ok(vec![limits]),
            Direction::Input => Err(Refusal::invalid("an input whose features are quantised differently")),
        }
    }

    fn with_base(
        &self,
        tensor: Tensor,
        base: &proto::EdgeLayerBase,
        direction: Direction,
        connection: Connection,
        network: u8,
    ) -> Result<Layer, Refusal> {
        let _engine: u8 = fit(base.engine_id, "engine")?;
        let transfer_size = match &tensor.nms {
            Some(nms) => nms.transfer_size,
            None => frame_size(tensor.hw_shape, tensor.kind)?,
        };
        Ok(Layer {
            direction,
            connection,
            network,
            stream_index: fit(base.sys_index, "stream index")?,
            core_bytes_per_buffer: fit(base.core_bytes_per_buffer, "bytes per buffer in the core")?,
            core_buffers_per_frame: fit(base.core_buffers_per_frame, "buffers per frame in the core")?,
            feature_padding_payload: 0,
            max_shmifo_size: base.max_shmifo_size,
            transfer_size,
            mux: None,
            tensor,
        })
    }

    fn mux(&self, mux: &proto::EdgeLayerMux, depth: usize) -> Result<Mux, Refusal> {
        if depth > MAX_MUX_DEPTH {
            return Err(Refusal::invalid(format!("muxed outputs within each other, more than {MAX_MUX_DEPTH} deep")));
        }
        let data = mux
            .mux_data
            .as_ref()
            .ok_or_else(|| Refusal::invalid("a muxed output that does not say how it is made up"))?;
        let parts = mux
            .predecessors
            .iter()
            .map(|edge| match decode::<proto::Edge>(edge)?.edge {
                Some(proto::PredecessorKind::LayerInfo(info)) => {
                    let base = base(info.edge_layer_base.as_ref())?;
                    let numeric = Some((info.numeric_info.as_ref(), Direction::Output));
                    self.tensor(&info.name, &info.original_names, base, numeric, info.transposed, false)
                        .map(MuxPart::Tensor)
                }
                Some(proto::PredecessorKind::LayerMux(inner)) => {
                    let mux = self.mux(&inner, depth + 1)?;
                    Ok(MuxPart::Mux(inner.name, mux))
                }
                Some(proto::PredecessorKind::LayerPlanes(_)) | None => {
                    Err(Refusal::invalid("a muxed output with a part of unknown kind"))
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Mux { height_gcd: data.height_gcd, height_ratios: data.height_ratios_list.clone(), parts })
    }

    fn planes(&self, planes: &proto::EdgeLayerPlanes, network: u8) -> Result<Decoded, Refusal> {
        let layers = planes
            .planes
            .iter()
            .map(|edge| match decode::<proto::Edge>(edge)?.edge {
                Some(proto::PredecessorKind::LayerInfo(info)) => {
                    self.layer(&info, Direction::Input, Connection::Boundary, network)
                }
                _ => Err(Refusal::invalid("a plane that is not a plain layer")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let format = match planes.planes_format {
            0 => PlanesFormat::Nv12,
            1 => PlanesFormat::Nv21,
            2 => PlanesFormat::I420,
            other => return Err(Refusal::invalid(format!("planes of unknown format {other}"))),
        };
        Ok(Decoded {
            planes: Some(Planes {
                name: planes.name.clone(),
                format,
                shape: shape(planes.height, planes.width, planes.features)?,
                streams: layers.iter().map(|layer| layer.tensor.name.clone()).collect(),
            }),
            layers,
        })
    }
}

fn base(base: Option<&proto::EdgeLayerBase>) -> Result<&proto::EdgeLayerBase, Refusal> {
    base.ok_or_else(|| Refusal::invalid("a layer without a shape"))
}

fn connection(message: &proto::EdgeLayer) -> Result<Connection, Refusal> {
    let info = message.context_switch_info.clone().unwrap_or_default();
    let first = info.connected_contexts.first();
    Ok(match info.edge_connection_type {
        0 => Connection::Boundary,
        1 => {
            let other = first.ok_or_else(|| Refusal::invalid("it leads to another context, but does not say which"))?;
            Connection::InterContext {
                context: fit(other.index, "context index")?,
                stream: fit(other.sys_index, "stream index")?,
            }
        }
        2 => match info.connected_contexts.as_slice() {
            [other] => Connection::Ddr {
                stream: fit(other.sys_index, "stream index")?,
                rows: fit(info.buffers, "number of buffered rows")?,
            },
            others => {
                return Err(Refusal::invalid(format!(
                    "it is buffered in the host's memory and leads to {} layers instead of one",
                    others.len()
                )));
            }
        },
        3 => Connection::Cache {
            id: u32::try_from(info.cache_id)
                .map_err(|_| Refusal::argument(format!("it belongs to cache {}", info.cache_id)))?,
        },
        other => {
            return Err(Refusal::new(LibraryStatus::InvalidHef, format!("a connection of unknown type {other}")));
        }
    })
}

/// The bytes of one frame on the device's side.
fn frame_size(shape: Shape, kind: ElementType) -> Result<u32, Refusal> {
    shape
        .elements()
        .and_then(|elements| elements.checked_mul(kind.size()))
        .and_then(|size| size.checked_next_multiple_of(TRANSFER_ALIGNMENT as usize))
        .and_then(|size| u32::try_from(size).ok())
        .filter(|size| *size > 0)
        .ok_or_else(|| Refusal::argument(format!("a frame of {shape} {kind} values cannot be transferred")))
}

fn shape(height: u32, width: u32, features: u32) -> Result<Shape, Refusal> {
    match [height, width, features].map(usize::try_from) {
        [Ok(height), Ok(width), Ok(features)] => Ok(Shape { height, width, features }),
        _ => Err(Refusal::argument(format!("a frame of {height}x{width}x{features} values does not fit any memory"))),
    }
}
