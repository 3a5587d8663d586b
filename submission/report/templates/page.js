for (const slider of document.querySelectorAll(".slider")) {
  const input = slider.querySelector("input"), strip = slider.querySelector(".strip"), image = strip.querySelector("img");
  const show = () => {
    const frame = image.clientWidth / Number(slider.dataset.frames);
    strip.style.width = frame + "px";
    image.style.transform = "translateX(" + -Number(input.value) * frame + "px)";
  };
  slider.classList.add("live");
  strip.removeAttribute("tabindex");
  input.hidden = false;
  input.addEventListener("input", show);
  image.complete ? show() : image.addEventListener("load", show);
  addEventListener("resize", show);
}
