"""A polite crawler of picture galleries: one folder per person, one provenance record per picture. Only for lawful
purposes: the operator is responsible for the rights to the pictures, including the rights of the persons shown.
robots.txt is always obeyed; no option turns that off.

python -m trainer.crawl theplace --out data/theplace --contact you@example.org --min-images 100 --max-images 600
python -m trainer.crawl gallery --start-url URL --config gallery.yaml --out data/gallery --contact you@example.org

Layout: `<out>/<person>/<person>N.jpg` (.png or .webp where the site serves those: bytes are kept as served), beside
them `metadata.jsonl` (one line per kept picture: provenance) and `refused.jsonl` (one line per dropped picture, and
why); `<out>/persons.json` (who was listed), `persons.jsonl` (the progress of each person), `crawls.jsonl` (one line per
run: options and counts) and `crawl.log`. A picture's record is on the disk before the picture has its name. A run that
was killed is resumed by the same command: nothing that is recorded is asked for again.
"""
