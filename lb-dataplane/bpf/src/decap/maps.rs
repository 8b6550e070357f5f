//! The maps.

use std::io;

use guideway_abi as abi;
use guideway_abi::{DecapCounter, DecapGlobal, DecapService, DecapServiceKey};

use super::services::{Elements, Steps, bytes_of};
use super::{FlowCounts, Global, Services, StatusError};
use crate::install::{Installed, OpenError};
use crate::map::{Array, MapError, PerCpuArray};
use crate::pins::Layout;
use crate::plain::{bytes, bytes_mut};
use crate::sys::{self, MapRef, ObjectKind};

#[derive(Debug)]
pub(super) struct Maps {
    global: Array<DecapGlobal>,
    services: MapRef,
    flows: MapRef,
    half_open: MapRef,
    counters: PerCpuArray<u64>,
}

impl Maps {
    pub(super) fn take(installed: &mut Installed) -> Result<Self, OpenError> {
        Ok(Self {
            global: Array::new(abi::DECAP_GLOBAL, installed.take(abi::DECAP_GLOBAL)?),
            services: installed.take(abi::DECAP_SERVICES)?,
            flows: installed.take(abi::DECAP_FLOWS)?,
            half_open: installed.take(abi::DECAP_HALF_OPEN)?,
            counters: PerCpuArray::new(abi::DECAP_COUNTERS, installed.take(abi::DECAP_COUNTERS)?),
        })
    }

    /// Those that are pinned; `None` when no map is.
    pub(super) fn open(layout: &Layout) -> Result<Option<Self>, StatusError> {
        let open = |name| match sys::open_pin(&layout.map(name)) {
            Ok((fd, ObjectKind::Map)) => MapRef::new(fd).map(Some).map_err(StatusError::Open),
            Ok(_) => Err(StatusError::Open(io::Error::other("not a map"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StatusError::Open(error)),
        };
        let maps = [
            open(abi::DECAP_GLOBAL)?,
            open(abi::DECAP_SERVICES)?,
            open(abi::DECAP_FLOWS)?,
            open(abi::DECAP_HALF_OPEN)?,
            open(abi::DECAP_COUNTERS)?,
        ];
        match maps {
            [Some(global), Some(services), Some(flows), Some(half_open), Some(counters)] => Ok(Some(Self {
                global: Array::new(abi::DECAP_GLOBAL, global),
                services,
                flows,
                half_open,
                counters: PerCpuArray::new(abi::DECAP_COUNTERS, counters),
            })),
            [None, None, None, None, None] => Ok(None),
            _ => Err(StatusError::AnotherRelease),
        }
    }

    pub(super) fn global(&self) -> Result<Global, MapError> {
        let global = self.global.read(0)?;
        Ok(Global {
            gue_port: u16::from_be(global.gue_port_be),
            source_v4: (global.source_v4 != [0; 4]).then(|| global.source_v4.into()),
            source_v6: (global.source_v6 != [0; 16]).then(|| global.source_v6.into()),
        })
    }

    pub(super) fn write_global(&self, global: &Global) -> Result<(), MapError> {
        let present = self.global.read(0)?;
        self.global.write(
            0,
            &DecapGlobal {
                gue_port_be: global.gue_port.to_be(),
                source_v4: global.source_v4.map(|address| address.octets()).unwrap_or_default(),
                source_v6: global.source_v6.map(|address| address.octets()).unwrap_or_default(),
                ..present
            },
        )
    }

    pub(super) fn services(&self) -> Result<Services, MapError> {
        Ok(Services::from_elements(self.elements()?.into_values()))
    }

    pub(super) fn set_services(&self, wanted: &Services) -> Result<(), MapError> {
        if wanted.translate() {
            // Before the first flow is translated, and for ever: flows outlive their services.
            let present = self.global.read(0)?;
            self.global.write(0, &DecapGlobal { translates: 1, ..present })?;
        }
        let steps = Steps::between(&self.elements()?, &wanted.elements());
        for (key, service) in &steps.write {
            self.services
                .update(&bytes_of(key), bytes(std::slice::from_ref(service)))
                .map_err(error("write", abi::DECAP_SERVICES))?;
        }
        for key in &steps.delete {
            self.services.delete(&bytes_of(key)).map_err(error("write", abi::DECAP_SERVICES))?;
        }
        Ok(())
    }

    pub(super) fn counters(&self) -> Result<Vec<(DecapCounter, u64)>, MapError> {
        let values = self.counters.read_all(u64::wrapping_add)?;
        Ok(DecapCounter::ALL.iter().copied().zip(values).collect())
    }

    pub(super) fn flow_counts(&self) -> Result<FlowCounts, MapError> {
        let count =
            |map: &MapRef, name| map.keys().map(|keys| keys.len() as u64).map_err(error("read", name));
        Ok(FlowCounts {
            established: count(&self.flows, abi::DECAP_FLOWS)?,
            half_open: count(&self.half_open, abi::DECAP_HALF_OPEN)?,
        })
    }

    fn elements(&self) -> Result<Elements, MapError> {
        let mut elements = Elements::new();
        for bytes in self.services.keys().map_err(error("read", abi::DECAP_SERVICES))? {
            let mut key = [DecapServiceKey::default()];
            let mut service = [DecapService::default()];
            if bytes.len() != size_of::<DecapServiceKey>() {
                continue;
            }
            bytes_mut(&mut key).copy_from_slice(&bytes);
            let there = self
                .services
                .lookup(&bytes, bytes_mut(&mut service))
                .map_err(error("read", abi::DECAP_SERVICES))?;
            if there {
                elements.insert(bytes_of(&key[0]), (key[0], service[0]));
            }
        }
        Ok(elements)
    }
}

fn error(operation: &'static str, map: &'static str) -> impl Fn(io::Error) -> MapError {
    move |source| MapError { operation, map, source }
}
