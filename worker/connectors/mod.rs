//! Files, standard streams and sockets: one file each, one row each in the operators' table.

use crate::op::OpDef;

pub(crate) const CONNECTORS: &[&OpDef] = &[];
