// Draws one figure of static.py on a built page, from pictures made beforehand: no kernel, no network.
// The build gives plotly.js to every page on which it finds the words window.Plotly.
(function () {
  const root = document.currentScript.closest(".hepml-explore");
  const record = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const plot = root.querySelector(".plotly-graph-div");
  const reading = root.querySelector(".hepml-reading");
  const sliders = [...root.querySelectorAll("input")];

  function show() {
    let position = 0;
    sliders.forEach((slider, k) => {
      const text = record.texts[k][slider.value];
      position = position * record.texts[k].length + Number(slider.value);
      slider.nextElementSibling.textContent = text;
      slider.setAttribute("aria-valuetext", text);
    });
    const { title, traces, layout } = record.pictures[position];
    reading.textContent = title;
    // Copies, for plotly.js writes into what it is given.
    const part = (k) => structuredClone(record.parts[k]);
    const options = { responsive: true, displayModeBar: false };
    window.Plotly.react(plot, traces.map(part), { ...part(layout), template: record.template }, options);
  }

  function start() {
    if (!window.Plotly) {
      plot.textContent = plot.getAttribute("aria-label");
      return;
    }
    show();
    sliders.forEach((slider) => slider.addEventListener("input", show));
  }

  // plotly.js is loaded after this script, and before the page is complete.
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
