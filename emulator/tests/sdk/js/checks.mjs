// What the two JavaScript clients share: where the account is, named checks, waiting.

export const { AZBATCH_URL: url, AZBATCH_ACCOUNT: account, AZBATCH_KEY: key } = process.env;

let passed = 0;
let failed = 0;

// Counts the function as one check. A failed one does not keep the others from running.
export async function check(name, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n${error?.stack ?? error}`);
  }
}

// Asks until the answer is true, and returns it.
export async function wait(what, probe, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    const found = await probe();
    if (found) return found;
    await new Promise((resume) => setTimeout(resume, 100));
  }
  throw new Error(`not within ${seconds} s: ${what}`);
}

// Moves the emulator's clock by a duration such as PT1M.
export async function advance(span) {
  const body = JSON.stringify({ advance: span });
  const headers = { "content-type": "application/json", authorization: `Bearer ${process.env.AZBATCH_CONTROL_TOKEN}` };
  const answer = await fetch(`${url}/_azbatch/clock`, { method: "POST", body, headers });
  if (!answer.ok) throw new Error(`the clock: ${answer.status} ${await answer.text()}`);
}

export function finish() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed || !passed ? 1 : 0);
}
