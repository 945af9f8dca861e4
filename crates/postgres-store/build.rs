//! A new migration is part of the binary only if the crate is compiled anew: the compiler itself sees changes of files
//! that it knows, not new ones.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
