//! The control protocol: one request, one answer.
//!
//! A message is a header of big-endian words, for answers two words of status, a big-endian count of parameters, and
//! the parameters, each behind its big-endian length. The *values* are big-endian or little-endian one by one, as
//! their types say. [`Request`] and [`Response`] are for those who handle any control; who asks for something in
//! particular reads it with [`Expected::read`]:
//!
//! ```
//! use hailo_abi::firmware::FirmwareInterface;
//! use hailo_abi::firmware::control::{ChipTemperature, Expected, Opcode, Request};
//!
//! let release = FirmwareInterface::V4_21;
//! let request = Request::GetChipTemperature.encode(release, 0)?;
//! assert_eq!(request.len(), 20);
//!
//! // 24 bytes of header and status, the count, and one parameter of ten bytes.
//! let mut answer = vec![0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 46, 0, 0, 0, 0, 0, 0, 0, 0];
//! answer.extend([0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0x26, 0x42, 0, 0, 0x29, 0x42, 0, 7]);
//! let expected = Expected::request(Opcode::GET_CHIP_TEMPERATURE, 0);
//! let temperature: ChipTemperature = expected.read(release, &answer)?;
//! assert_eq!(temperature.info.ts0_temperature, 41.5);
//! assert_eq!(temperature.info.sample_count, 7);
//!
//! answer.pop();
//! let error = expected.read::<ChipTemperature>(release, &answer).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "response to GET_CHIP_TEMPERATURE: parameter `info` needs 14 bytes, 13 are left"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffer;
mod communication;
mod context_switch;
mod enums;
mod header;
mod identify;
mod memory;
mod opcode;
mod parameter_macros;
mod parameters;
mod power;
mod request;
mod response;
mod sensor;
mod sensor_config;
mod stream;
mod system;
mod text;

pub use buffer::{MAX_CONTROL_LENGTH, MessageBuffer};
pub use communication::*;
pub use context_switch::*;
pub use enums::*;
pub use header::*;
pub use identify::*;
pub use memory::*;
pub use opcode::{CpuId, Opcode};
pub use parameters::{
    EncodeError, ParameterError, ParameterInfo, ParameterLayout, ParameterReader, ParameterWriter, Parameters,
};
pub use power::*;
pub use request::{Request, RequestError};
pub use response::{Done, Expected, Response, ResponseError};
pub use sensor::*;
pub use sensor_config::*;
pub use stream::*;
pub use system::*;
pub use text::Text;

use super::enums::EnumInfo;
use super::layout::LayoutInfo;

pub(crate) const LAYOUTS: &[&[&[LayoutInfo]]] = &[
    context_switch::ALL_LAYOUTS,
    header::ALL_LAYOUTS,
    identify::ALL_LAYOUTS,
    stream::ALL_LAYOUTS,
    &[
        communication::LAYOUTS,
        memory::LAYOUTS,
        power::LAYOUTS,
        sensor::LAYOUTS,
        sensor_config::LAYOUTS,
        system::LAYOUTS,
    ],
];
pub(crate) const ENUMS: &[&[EnumInfo]] =
    &[context_switch::ENUMS, enums::ENUMS, opcode::ENUMS, stream::ENUMS, system::ENUMS];
