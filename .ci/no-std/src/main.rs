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
    rest::{Guid, Request, SharedKey, answer, answer_guarded},
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
        answer(&mut account, &request, Timestamp::MIN).response.status
    };
    let added = send("/jobs?api-version=2024-07-01.20.0", br#"{"id":"j","poolInfo":{"poolId":"p"}}"#);
    let terminated = send("/jobs/j/terminate?api-version=2024-07-01.20.0", b"");
    let again = send("/jobs/j/terminate?api-version=2024-07-01.20.0", b"");
    let completed = account.tick(Timestamp::MIN).len() == 1;
    let as_expected = (added, terminated, again, completed) == (201, 202, 409, true);
    c_int::from(!as_expected || !lets_in_by_key(&mut account))
}

/// A request that is signed, and then one that is not.
fn lets_in_by_key(account: &mut Account) -> bool {
    let Ok(key) = SharedKey::new("contoso", "c2VjcmV0") else { return false };
    let mut get = |signature| {
        let headers: [(&str, &[u8]); 2] =
            [("ocp-date", b"Mon, 01 Jan 0001 00:00:00 GMT"), ("Authorization", signature)];
        let target = "/jobs/j?api-version=2024-07-01.20.0";
        let (received, request_id) = (Timestamp::MIN, Guid::from_u128(1));
        let request = Request { method: "GET", target, headers: &headers, body: b"", received, request_id };
        answer_guarded(account, &request, Timestamp::MIN, &key.guard(Timestamp::MIN)).response.status
    };
    (get(b"SharedKey contoso:vh9RlSVzIzTDz4krnhI4s9PlIlXmsuw8Tzd9C6g2y4g="), get(b"SharedKey contoso:AAAA"))
        == (200, 403)
}
