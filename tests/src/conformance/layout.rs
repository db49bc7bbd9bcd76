//! Where the fields of an argument lie in one driver release, read from the golden tables.
//!
//! The cases are written once, for every release; the tables say what a field's place is. Nothing of
//! `hailo-abi` is used here on purpose: the conformance program is a second, independent opinion.

use std::collections::HashMap;

use crate::conformance::system::Release;

const VERSIONS: &str = include_str!("../../golden/driver-versions.tsv");
const REQUESTS: &str = include_str!("../../golden/driver-requests.tsv");
const FIELDS: &str = include_str!("../../golden/driver-struct-fields.tsv");
const SIZES: &str = include_str!("../../golden/driver-struct-sizes.tsv");

/// A field's other names: the same operation was renamed between releases.
const ALIASES: [(&str, &str); 5] = [
    ("user_address", "addr_or_fd"),
    ("data_direction", "direction"),
    ("buffer_type", "type"),
    ("buffer_size", "transfer_size"),
    ("batch_size", "transfers_count"),
];

/// A request's other names.
const REQUEST_ALIASES: [(&str, &str); 3] = [
    ("DESC_LIST_PROGRAM", "DESC_LIST_BIND_VDMA_BUFFER"),
    ("VDMA_ENABLE_CHANNELS", "VDMA_INTERRUPTS_ENABLE"),
    ("VDMA_DISABLE_CHANNELS", "VDMA_INTERRUPTS_DISABLE"),
];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) code: u32,
    pub(crate) size: usize,
    structure: &'static str,
}

/// Every request and field of one release, on a 64-bit kernel.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) release: Release,
    requests: HashMap<&'static str, Request>,
    fields: HashMap<(&'static str, &'static str), (usize, usize)>,
    sizes: HashMap<&'static str, usize>,
}

/// The rows of a table that hold for `release` on a 64-bit kernel: each row's columns.
fn rows(table: &'static str, release: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let order: Vec<&str> = VERSIONS.lines().skip(1).map(str::trim).collect();
    let place = move |version: &str| order.iter().position(|known| *known == version);
    let wanted = place(release);
    table.lines().skip(1).filter_map(move |line| {
        let columns: Vec<&'static str> = line.split('\t').collect();
        let (&last, rest) = columns.split_last()?;
        let &first = rest.last()?;
        let holds = place(first)? <= wanted? && wanted? <= place(last)?;
        (holds && columns.get(1) == Some(&"lp64")).then_some(columns)
    })
}

impl Layout {
    pub(crate) fn of(release: Release) -> Self {
        let name = release.to_string();
        let requests = rows(REQUESTS, &name)
            .filter_map(|row| {
                let code = u32::from_str_radix(row.get(2)?.strip_prefix("0x")?, 16).ok()?;
                let size = row.get(6)?.parse().unwrap_or(0);
                let known = row.first()?.strip_prefix("HAILO_")?;
                Some((known, Request { code, size, structure: row.get(7)? }))
            })
            .collect();
        let fields = rows(FIELDS, &name)
            .filter_map(|row| {
                Some(((*row.first()?, *row.get(2)?), (row.get(3)?.parse().ok()?, row.get(4)?.parse().ok()?)))
            })
            .collect();
        let sizes = rows(SIZES, &name).filter_map(|row| Some((*row.first()?, row.get(2)?.parse().ok()?))).collect();
        Self { release, requests, fields, sizes }
    }

    /// Every request and its code.
    pub(crate) fn codes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.requests.iter().map(|(name, request)| (*name, request.code))
    }

    /// The request that has that code.
    pub(crate) fn named(&self, code: u32) -> Option<&'static str> {
        self.codes().find(|&(_, own)| own == code).map(|(name, _)| name)
    }

    pub(crate) fn find(&self, request: &str) -> Option<Request> {
        let other = REQUEST_ALIASES.iter().find(|(new, _)| *new == request).map(|(_, old)| *old);
        self.requests.get(request).or_else(|| self.requests.get(other?)).copied()
    }

    /// The request of that name. A case asks only for what its releases have.
    pub(crate) fn request(&self, request: &str) -> Request {
        self.find(request).unwrap_or_else(|| panic!("driver {} has no request {request}", self.release))
    }

    /// The code of that name, whatever its argument.
    pub(crate) fn code(&self, request: &str) -> u32 {
        self.request(request).code
    }

    /// A zeroed argument of a request.
    pub(crate) fn argument(&self, request: &str) -> Argument<'_> {
        let found = self.request(request);
        Argument { layout: self, code: found.code, structure: found.structure, bytes: vec![0; found.size.max(1)] }
    }

    fn place(&self, structure: &str, field: &str) -> Option<(usize, usize)> {
        let alias = ALIASES.iter().find(|(old, _)| *old == field).map(|(_, new)| *new);
        // A launch of 5.x wraps the argument of a prepare, which begins at offset 0.
        [structure, "hailo_vdma_prepare_transfer_params"]
            .iter()
            .enumerate()
            .filter(|(step, _)| *step == 0 || structure == "hailo_vdma_launch_transfer_params")
            .find_map(|(_, owner)| self.fields.get(&(*owner, field)).or_else(|| self.fields.get(&(*owner, alias?))))
            .copied()
    }

    pub(crate) fn size_of(&self, structure: &str) -> usize {
        self.sizes.get(structure).copied().unwrap_or(0)
    }
}

/// The argument of one call: its bytes, with fields by name.
#[derive(Clone, Debug)]
pub(crate) struct Argument<'a> {
    layout: &'a Layout,
    pub(crate) code: u32,
    structure: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Argument<'_> {
    pub(crate) fn has(&self, field: &str) -> bool {
        self.layout.place(self.structure, field).is_some()
    }

    /// Writes a field, cut to its width; a field that the release does not have is left out.
    pub(crate) fn set(mut self, field: &str, value: u64) -> Self {
        if let Some((offset, size)) = self.layout.place(self.structure, field) {
            let width = size.min(8);
            self.bytes[offset..offset + width].copy_from_slice(&value.to_le_bytes()[..width]);
        }
        self
    }

    /// Writes bytes at the start of an array field.
    pub(crate) fn set_bytes(mut self, field: &str, bytes: &[u8]) -> Self {
        let (offset, _) = self.field(field);
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Writes element `index` of an array of structs: one of its fields.
    pub(crate) fn set_in(mut self, array: &str, element: &'static str, index: usize, field: &str, value: u64) -> Self {
        let (start, _) = self.field(array);
        if let Some(&(offset, size)) = self.layout.fields.get(&(element, field)) {
            let at = start + index * self.layout.size_of(element) + offset;
            self.bytes[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
        }
        self
    }

    pub(crate) fn get(&self, field: &str) -> u64 {
        let (offset, size) = self.field(field);
        little_endian(&self.bytes[offset..offset + size.min(8)])
    }

    pub(crate) fn get_bytes(&self, field: &str) -> &[u8] {
        let (offset, size) = self.field(field);
        &self.bytes[offset..offset + size]
    }

    /// A field of element `index` of an array of structs, if the release has it.
    pub(crate) fn get_in(&self, array: &str, element: &'static str, index: usize, field: &str) -> Option<u64> {
        let (start, _) = self.field(array);
        let &(offset, size) = self.layout.fields.get(&(element, field))?;
        let at = start + index * self.layout.size_of(element) + offset;
        self.bytes.get(at..at + size).map(little_endian)
    }

    fn field(&self, field: &str) -> (usize, usize) {
        self.layout
            .place(self.structure, field)
            .unwrap_or_else(|| panic!("driver {} has no field {field} in {}", self.layout.release, self.structure))
    }
}

pub(crate) fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}
