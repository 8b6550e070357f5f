//! Compiles the protobuf definitions; protox stands in for protoc, so that a build needs no package.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let files = ["guideway/bgp/v1/bgp.proto", "guideway/bfd/v1/bfd.proto"];
    for file in files {
        println!("cargo::rerun-if-changed=proto/{file}");
    }
    let descriptors = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
