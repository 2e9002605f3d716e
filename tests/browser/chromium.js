// What both browser tests share: a Chromium that stays on this machine, and a report of what a page did.

const { chromium } = require("playwright-core");

const FLAGS = [
  "--no-sandbox", // the tests may run as root in a container
  "--disable-gpu",
  "--enable-unsafe-swiftshader", // three-dimensional figures without a graphics card
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

async function launch() {
  return chromium.launch({ executablePath: process.env.HEPML_CHROMIUM, headless: true, args: FLAGS });
}

// Opens a tab that notes every request to another place than `home`, and every error of a script.
async function watchedPage(browser, home, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const seen = { external: [], errors: [], failed: [] };
  await context.route("**", (route) => {
    const url = route.request().url();
    if (url.startsWith(home) || /^(data|blob):/.test(url)) return route.continue();
    seen.external.push(url);
    return route.abort();
  });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("response", (response) => {
    if (response.status() >= 400) seen.failed.push(`${response.status()} ${response.url()}`);
  });
  return { page, seen };
}

// Runs a script's main function; what it returns goes to standard output as JSON.
function report(main) {
  main().then(
    (facts) => console.log(JSON.stringify(facts)),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

module.exports = { launch, report, watchedPage };
