//! A door into the crate, so that the linker keeps all of it.
#![no_std]

use core::{
    alloc::{GlobalAlloc, Layout},
    panic::PanicInfo,
};

use azbatch::{
    Account, Timestamp,
    rest::{Guid, Request, answer},
};

unsafe extern "C" {
    fn host_alloc(size: usize, align: usize) -> *mut u8;
    fn host_free(pointer: *mut u8, size: usize, align: usize);
    fn host_panic() -> !;
}

struct Host;

// SAFETY: the host's functions are an allocator's.
unsafe impl GlobalAlloc for Host {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { host_alloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { host_free(pointer, layout.size(), layout.align()) }
    }
}

#[global_allocator]
static ALLOCATOR: Host = Host;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe { host_panic() }
}

/// Answers a request, ticks, and tells how long the answer and how many the effects are.
#[unsafe(no_mangle)]
pub extern "C" fn azbatch_answer(account: &mut Account, request: &Request<'_>, ticks: u64) -> usize {
    let now = Timestamp::from_ticks(ticks).unwrap_or(Timestamp::MIN);
    let answer = answer(account, request, now);
    answer.response.body.len() + answer.effects.len() + account.tick(now).len()
}

/// Makes an account.
#[unsafe(no_mangle)]
pub extern "C" fn azbatch_account(number: u64) -> *mut Account {
    let id = Guid::from_u128(number.into());
    extern crate alloc;
    alloc::boxed::Box::into_raw(alloc::boxed::Box::new(Account::new(id.as_str())))
}
