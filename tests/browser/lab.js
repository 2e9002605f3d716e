// node lab.js HOME TOKEN NOTEBOOK SCREENSHOTS   opens a notebook in JupyterLab, runs all cells, moves the first
// live slider by keyboard, and prints what it saw.

const path = require("path");
const { launch, report, watchedPage } = require("./chromium.js");

const [home, token, notebook, screenshots] = process.argv.slice(2);

async function idle(page) {
  await page.waitForFunction(() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    return panel?.context?.isReady && kernel?.connectionStatus === "connected" && kernel.status === "idle";
  });
}

report(async () => {
  const browser = await launch();
  const { page, seen } = await watchedPage(browser, home, { viewport: { width: 1300, height: 1000 } });
  page.setDefaultTimeout(240000);
  try {
    await page.goto(`${home}/lab/tree/${notebook}?token=${token}&reset`);
    await page.locator(".jp-Notebook .jp-CodeCell").first().waitFor();
    await idle(page);
    await page.evaluate(() => window.jupyterapp.commands.execute("notebook:run-all-cells"));
    await idle(page);
    const cells = await page.evaluate(() =>
      [...window.jupyterapp.shell.currentWidget.content.model.cells]
        .filter((cell) => cell.type === "code" && cell.sharedModel.getSource().trim())
        .map((cell) => ({
          count: cell.executionCount,
          errors: cell.sharedModel.outputs.filter((o) => o.output_type === "error").map((o) => `${o.ename}: ${o.evalue}`),
        })),
    );

    // JupyterLab draws only the cells in view: go to the first cell with a slider.
    const cell = page.locator(".jp-CodeCell:has(.noUi-handle)").first();
    for (let i = 0; i < 60 && !(await cell.count()); i++) {
      await page.evaluate(() => window.jupyterapp.commands.execute("notebook:move-cursor-down"));
      await page.waitForTimeout(200);
    }
    const handle = cell.locator(".noUi-handle").first();
    await handle.scrollIntoViewIfNeeded();
    await page.waitForTimeout(1000);
    const plot = cell.locator(".js-plotly-plot").first();
    const before = await plot.screenshot();
    await page.screenshot({ path: path.join(screenshots, "lab-before.png") });
    await handle.focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
    let moved = false; // a slow machine may need some seconds to draw
    for (let i = 0; i < 20 && !moved; i++) {
      await page.waitForTimeout(500);
      moved = !before.equals(await plot.screenshot());
    }
    await page.screenshot({ path: path.join(screenshots, "lab-after.png") });
    return { cells, moved, ...seen };
  } catch (error) {
    await page.screenshot({ path: path.join(screenshots, "lab-failure.png") });
    throw error;
  } finally {
    await browser.close();
  }
});
