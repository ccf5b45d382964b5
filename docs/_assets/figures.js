// Draws the figures that notebooks keep as data, in the colours of the page.
document.querySelectorAll(".plotly-figure").forEach(place => {
  const figure = JSON.parse(place.querySelector("script").textContent);
  const draw = () => {
    const style = getComputedStyle(document.body);
    const text = style.getPropertyValue("--md-typeset-color");
    const line = style.getPropertyValue("--md-default-fg-color--lightest");
    const axis = {gridcolor: line, zerolinecolor: line, linecolor: line};
    const layout = {...figure.layout, template: undefined, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: {...figure.layout.font, color: text}, autosize: true};
    for (const name of Object.keys(layout).filter(key => /^[xy]axis/.test(key))) layout[name] = {...axis, ...layout[name]};
    // Where there is no room for both, the legend stays: the page says what is shown.
    if (place.clientWidth < 560) layout.title = undefined;
    Plotly.react(place, figure.data, layout, {responsive: true, displaylogo: false});
  };
  draw();
  new MutationObserver(draw).observe(document.body, {attributeFilter: ["data-md-color-scheme"]});
});
