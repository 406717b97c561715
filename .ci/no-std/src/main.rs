//! Ends a job without std and tells by its exit code whether that worked.
#![no_std]
#![no_main]
#![allow(internal_features, reason = "the stubs below stand in for what std would bring")]

extern crate alloc;

use core::{
    alloc::{GlobalAlloc, Layout},
    ffi::{c_int, c_void},
    panic::PanicInfo,
};

use azbatch::{
    Account, Timestamp,
    rest::{Guid, Request, answer},
};

unsafe extern "C" {
    fn aligned_alloc(align: usize, size: usize) -> *mut c_void;
    fn free(pointer: *mut c_void);
    fn abort() -> !;
}

struct Malloc;

// SAFETY: `aligned_alloc` and `free` keep the promises of an allocator; the size is rounded up to the
// multiple of the alignment that `aligned_alloc` asks for.
unsafe impl GlobalAlloc for Malloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let align = layout.align().max(16);
        unsafe { aligned_alloc(align, layout.size().next_multiple_of(align)).cast() }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _: Layout) {
        unsafe { free(pointer.cast()) }
    }
}

#[global_allocator]
static ALLOCATOR: Malloc = Malloc;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe { abort() }
}

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    unsafe { abort() }
}

#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, _: *const *const u8) -> c_int {
    let mut account = Account::new("https://contoso.westus.batch.azure.com");
    let mut send = |target, body: &[u8]| {
        let headers = [("Content-Type", b"application/json".as_slice())];
        let (received, request_id) = (Timestamp::MIN, Guid::from_u128(1));
        let request = Request { method: "POST", target, headers: &headers, body, received, request_id };
        answer(&mut account, &request, &Timestamp::MIN).response.status
    };
    let added = send("/jobs?api-version=2024-07-01.20.0", br#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    let terminated = send("/jobs/j/terminate?api-version=2024-07-01.20.0", b"");
    let again = send("/jobs/j/terminate?api-version=2024-07-01.20.0", b"");
    let completed = account.tick(&Timestamp::MIN).len() == 1;
    c_int::from((added, terminated, again, completed) != (201, 202, 409, true))
}
