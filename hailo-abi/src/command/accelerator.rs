//! Parameters of the requests that only system-on-chip boards and the board's own side know.

/// Hands an action list to the device (since 4.19.0, not on PCIe boards).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriteActionList {
    /// The address of the action list in the process.
    pub data: u64,
    /// Its length in bytes.
    pub size: u64,
}

/// Where the action list was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriteActionListReply {
    /// The address for the device.
    pub dma_address: u64,
}

/// Connects to a port of a system-on-chip board (since 4.18.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocConnect {
    /// The port (since 4.19.0; before, there is only one, 0).
    pub port_number: u16,
    /// The list for bytes to the device.
    pub input_desc_handle: u64,
    /// The list for bytes from the device.
    pub output_desc_handle: u64,
}

/// The channels of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionReply {
    /// The channel to the device.
    pub input_channel_index: u8,
    /// The channel from the device.
    pub output_channel_index: u8,
}

/// Closes a connection (since 4.18.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocClose {
    /// The channel to the device.
    pub input_channel_index: u8,
    /// The channel from the device.
    pub output_channel_index: u8,
}

/// Accepts a connection, on the board's side (since 4.18.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PciEpAccept {
    /// The port (since 4.19.0; before, there is only one, 0).
    pub port_number: u16,
    /// The list for bytes to this side.
    pub input_desc_handle: u64,
    /// The list for bytes from this side.
    pub output_desc_handle: u64,
}

/// Closes a connection, on the board's side (since 4.18.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PciEpClose {
    /// The channel to this side.
    pub input_channel_index: u8,
    /// The channel from this side.
    pub output_channel_index: u8,
}

/// Listens on a port, on the board's side (5.0.0 to 5.2.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PciEpListen {
    /// The port.
    pub port_number: u16,
    /// How many connections may wait.
    pub backlog_size: u8,
}
