// node static.js HOME SCREENSHOTS PAGE...   reads built pages in the light and in the dark theme, moves every
// slider, and prints what it saw, page by page.

const path = require("path");
const { launch, report, watchedPage } = require("./chromium.js");

const [home, screenshots, ...pages] = process.argv.slice(2);

// By keyboard, as a reader without a mouse would: four steps up, or down where the slider stands at its end.
async function moveSliders(page) {
  const moved = [];
  const sliders = page.locator("main figure.hepml-figure input[type=range]");
  for (let i = 0; i < (await sliders.count()); i++) {
    const slider = sliders.nth(i);
    const plot = slider.locator("xpath=ancestor::figure").locator(".js-plotly-plot");
    await slider.scrollIntoViewIfNeeded();
    const before = await plot.screenshot();
    const key = await slider.evaluate((s) => (s.value === s.max ? "ArrowLeft" : "ArrowRight"));
    for (let step = 0; step < 4; step++) await slider.press(key);
    await page.waitForTimeout(300);
    moved.push(!before.equals(await plot.screenshot()));
  }
  return moved;
}

async function read(browser, name, colorScheme) {
  const { page, seen } = await watchedPage(browser, home, {
    colorScheme,
    viewport: { width: 1280, height: 900 },
  });
  await page.goto(`${home}/${name}`, { waitUntil: "load" });
  // Pictures are loaded when a reader comes near; here at once, and those of the other theme as well.
  await page.evaluate(() => document.querySelectorAll("main img").forEach((i) => (i.loading = "eager")));
  await page.waitForTimeout(1500); // equations and figures are drawn after loading
  const facts = await page.evaluate(() => ({
    theme: document.documentElement.dataset.theme,
    equations: document.querySelectorAll("main .math").length,
    typeset: document.querySelectorAll("main .math mjx-container").length,
    figures: document.querySelectorAll("main .js-plotly-plot").length,
    undrawn: document.querySelectorAll("main .hepml-plot:not(.js-plotly-plot)").length,
    images: document.querySelectorAll("main img").length,
    broken: [...document.querySelectorAll("main img")].filter((i) => !i.naturalWidth).map((i) => i.outerHTML.slice(0, 200)),
    withoutAlt: [...document.querySelectorAll("main img:not([alt]), main img[alt='']")].map((i) => i.outerHTML.slice(0, 200)),
    // Variants for the other theme are hidden; of each pair one must be seen.
    hidden: [...document.querySelectorAll("main figure.hepml-figure")].filter(
      (f) => ![...f.querySelectorAll("img, .js-plotly-plot")].some((e) => e.getBoundingClientRect().height > 20),
    ).length,
    captions: [...document.querySelectorAll("main figure.hepml-figure")].filter(
      (f) => f.querySelector("figcaption")?.getBoundingClientRect().height > 10,
    ).length,
    framed: document.querySelectorAll("main figure.hepml-figure").length,
    wide: document.documentElement.scrollWidth > window.innerWidth + 1,
  }));
  facts.moved = await moveSliders(page);
  await page.evaluate(() => window.scrollTo(0, 0));
  const picture = `${name.replaceAll("/", "-").replace(".html", "")}-${colorScheme}.png`;
  await page.screenshot({ path: path.join(screenshots, picture), fullPage: true });
  await page.context().close();
  return { name, ...facts, ...seen };
}

report(async () => {
  const browser = await launch();
  const facts = [];
  for (const name of pages) {
    for (const colorScheme of ["light", "dark"]) facts.push(await read(browser, name, colorScheme));
  }
  await browser.close();
  return facts;
});
