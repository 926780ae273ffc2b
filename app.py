"""The page frame: desk, navigation by permission, the page asked for."""

from siting.ui import corner, navigation, parts, session

navigation.only_declared_pages()
desk = session.open_desk()
parts.frame(desk.settings.name)
page = navigation.choose(desk.actor)
corner.show(desk)
navigation.show(page)
